"""Says which of two interleaved rankers listeners prefer.

A listener is one observation, however many pages they opened: their credits for each ranker become
one preference in [-1, 1], so that the pages of one listener do not pass for independent. A
preference from k credits is known about k times as well as one from a single credit, as far as
listeners are alike; as far as they are not, all are known alike. Between the two, a preference
weighs as the root of its credits, and a few heavy listeners cannot decide alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple

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
    """Mean preference, each weighing as the root of its credits: 1 if all credit went to the second
    ranker, -1 if all went to the first."""
    wins: tuple[int, int]
    """Listeners who gave more credit to the first and to the second."""
    ties: int
    """Listeners who gave both the same."""
    p_value: float
    """Of no preference."""


class _Shown(NamedTuple):
    """What listeners who gave credit have shown.

    Args:
        preferences: (n,) in [-1, 1].
        weights: (n,) what each counts.
    """

    preferences: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def mean(self) -> float:
        return float(np.average(self.preferences, weights=self.weights))

    @property
    def error(self) -> float:
        """Standard error of the mean, whose weights are taken as given; around 0 where all agree.

        The spread is of the weighed preferences around their own mean; with a ratio's residuals a
        dozen listeners would show a difference too often. A handful of listeners who agree have no
        spread, and are still only a handful.
        """
        weighed = self.weights * self.preferences
        spread = float(weighed.std(ddof=1)) or abs(float(weighed.mean()))
        return spread / math.sqrt(weighed.size) / float(self.weights.mean())

    @property
    def z(self) -> float:
        return self.mean / self.error if self.error else 0.0


def preference(
    first: NDArray[np.int64], second: NDArray[np.int64], *, alpha: float = 0.05
) -> Preference:
    """Test once, at a time fixed beforehand, by a t-test over listeners.

    Whoever has no preference gives either ranker more by a coin's fall, so n listeners agree by
    chance once in 2^(n-1) times: no p-value is below that, and fewer than six prove nothing at 5 %.

    Args:
        first: (n,) credits that each listener gave the first ranker, over all their feeds.
        second: (n,) those for the second.
        alpha: Share of intervals that may miss the truth, in (0, 1).

    Raises:
        ExperimentError: Arrays that do not fit, or fewer than two listeners with credit.
    """
    check_alpha(alpha)
    shown = _shown(first, second)
    count = shown.preferences.size
    by_chance = 2.0 ** (1 - count)
    provable = by_chance < alpha
    critical = float(special.stdtrit(count - 1, 1 - alpha / 2)) if provable else math.inf
    p_value = 2 * float(special.stdtr(count - 1, -abs(shown.z)))
    return _result(shown, critical, max(p_value, by_chance))


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
    shown = _shown(first, second)
    count = shown.preferences.size
    if count < config.min_listeners:
        return _result(shown, math.inf, 1.0)
    precise = count * mixture_precision(config.alpha, config.tuning)
    log_p = math.log(precise + 1) / 2 - shown.z**2 / 2 * precise / (precise + 1)
    critical = critical_value(count, config.alpha, config.tuning)
    return _result(shown, critical, math.exp(min(log_p, 0.0)))


def _shown(first: NDArray[np.int64], second: NDArray[np.int64]) -> _Shown:
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
    given = total[has_credit].astype(np.float64)
    return _Shown((second - first)[has_credit] / given, np.sqrt(given))


def _result(shown: _Shown, critical: float, p_value: float) -> Preference:
    preferences = shown.preferences
    half = math.inf if math.isinf(critical) else critical * shown.error
    return Preference(
        listeners=preferences.size,
        preference=Interval(
            estimate=shown.mean,
            low=max(shown.mean - half, -1.0),
            high=min(shown.mean + half, 1.0),
        ),
        wins=(int((preferences < 0).sum()), int((preferences > 0).sum())),
        ties=int((preferences == 0).sum()),
        p_value=p_value,
    )
