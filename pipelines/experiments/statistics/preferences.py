"""Says which of two interleaved rankers listeners prefer.

A listener is one observation, however many pages they opened: their credits for each ranker become
one preference in [-1, 1], so that a few heavy listeners cannot decide alone and the pages of one
listener do not pass for independent.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import special

from core.errors import ExperimentError
from pipelines.experiments.sequential.always_valid import (
    AlwaysValidConfig,
    critical_value,
    mixture_precision,
)
from pipelines.experiments.statistics.effects import Interval, check_alpha

FEWEST_LISTENERS = 2


class Preference(BaseModel):
    """How much listeners prefer the second ranker to the first."""

    model_config = ConfigDict(frozen=True)

    listeners: int
    """Who gave credit in a competitive round; the others have shown no preference."""
    preference: Interval
    """Mean preference: 1 if all credit went to the second ranker, -1 if all went to the first."""
    wins: tuple[int, int]
    """Listeners who gave more credit to the first and to the second."""
    ties: int
    """Listeners who gave both the same."""
    p_value: float
    """Of no preference."""


def preference(
    first: NDArray[np.int64], second: NDArray[np.int64], *, alpha: float = 0.05
) -> Preference:
    """Test once, at a time fixed beforehand, by a one-sample t-test over listeners.

    Args:
        first: (n,) credits that each listener gave the first ranker, over all their feeds.
        second: (n,) those for the second.
        alpha: Share of intervals that may miss the truth, in (0, 1).

    Raises:
        ExperimentError: Arrays that do not fit, or fewer than two listeners with credit.
    """
    check_alpha(alpha)
    shown = _preferences(first, second)
    critical = float(special.stdtrit(shown.size - 1, 1 - alpha / 2))
    z = _z(shown)
    return _result(shown, critical, 2 * float(special.stdtr(shown.size - 1, -abs(z))))


def always_valid_preference(
    first: NDArray[np.int64], second: NDArray[np.int64], config: AlwaysValidConfig | None = None
) -> Preference:
    """Test at any look, as often as wanted.

    Args:
        first: (n,) credits that each listener gave the first ranker until now.
        second: (n,) those for the second.
        config: Level and tuning; listeners here are those with credit.

    Raises:
        ExperimentError: Arrays that do not fit, or fewer than two listeners with credit.
    """
    config = config or AlwaysValidConfig()
    shown = _preferences(first, second)
    if shown.size < config.min_listeners:
        return _result(shown, math.inf, 1.0)
    precise = shown.size * mixture_precision(config.alpha, config.tuning)
    log_p = math.log(precise + 1) / 2 - _z(shown) ** 2 / 2 * precise / (precise + 1)
    critical = critical_value(shown.size, config.alpha, config.tuning)
    return _result(shown, critical, math.exp(min(log_p, 0.0)))


def _preferences(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    lowest = min(first.min(initial=0), second.min(initial=0))
    if first.shape != second.shape or first.ndim != 1 or lowest < 0:
        raise ExperimentError(
            f"credits of shapes {first.shape} and {second.shape} cannot be compared; give one "
            "count ≥ 0 a listener for each ranker"
        )
    total = first + second
    has_credit = total > 0
    if has_credit.sum() < FEWEST_LISTENERS:
        raise ExperimentError(
            f"{int(has_credit.sum())} of {total.size} listeners gave credit in a competitive "
            "round; wait for more, or check that the two rankers differ"
        )
    return np.asarray((second - first)[has_credit] / total[has_credit])


def _deviation(shown: NDArray[np.float64]) -> float:
    """Return the deviation of one preference; around 0 where all are the same.

    A handful of listeners who agree have no spread, and are still only a handful.
    """
    return float(shown.std(ddof=1)) or abs(float(shown.mean()))


def _z(shown: NDArray[np.float64]) -> float:
    deviation = _deviation(shown)
    return float(shown.mean()) * math.sqrt(shown.size) / deviation if deviation else 0.0


def _result(shown: NDArray[np.float64], critical: float, p_value: float) -> Preference:
    mean, deviation = float(shown.mean()), _deviation(shown)
    half = math.inf if math.isinf(critical) else critical * deviation / math.sqrt(shown.size)
    return Preference(
        listeners=shown.size,
        preference=Interval(estimate=mean, low=max(mean - half, -1.0), high=min(mean + half, 1.0)),
        wins=(int((shown < 0).sum()), int((shown > 0).sum())),
        ties=int((shown == 0).sum()),
        p_value=p_value,
    )
