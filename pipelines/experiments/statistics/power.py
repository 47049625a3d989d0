"""How many listeners an experiment needs, what it can find with those it has, and in how many days.

All from one aggregate of the team's own past: of a mean or a ratio, with or without a covariate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from scipy import special

from core.errors import ExperimentError
from pipelines.experiments.statistics.aggregates import Aggregate
from pipelines.experiments.statistics.contrasts import contrast

MOST_LISTENERS = 10**12  # of both variations; an effect that needs more is not findable
FEWEST_LISTENERS = 4  # two in each variation, without which there is no variance


class PowerConfig(BaseModel):
    """Which risks are taken, and how traffic is split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Two-sided share of false alarms."""
    power: float = Field(default=0.8, gt=0, lt=1)
    """Chance to find the effect where it is there."""
    treatment_share: float = Field(default=0.5, gt=0, lt=1)
    """Share of the compared listeners that get the treatment."""


def power_of(
    past: Aggregate, effect: float, listeners: float, config: PowerConfig | None = None
) -> float:
    """Return the chance to find an effect by a two-sided test in the direction it has.

    Args:
        past: The metric before the experiment; its variance is taken for both variations.
        effect: Absolute, in the metric's unit.
        listeners: Of both variations.
        config: Risks and split.

    Raises:
        ExperimentError: The past has too few listeners.
    """
    config = config or PowerConfig()
    error = math.sqrt(_variance(past) / listeners / _balance(config))
    return _power(abs(effect) / error, config) if error > 0 else 1.0


def listeners_needed(past: Aggregate, effect: float, config: PowerConfig | None = None) -> int:
    """Return listeners of both variations at which an absolute effect is found with the power.

    Raises:
        ExperimentError: The effect is 0 or too small to be found, or the past has too few
            listeners.
    """
    config = config or PowerConfig()
    variance = _variance(past) / _balance(config)
    needed = variance * (_shift(config) / effect) ** 2 if effect else math.inf
    if needed > MOST_LISTENERS:
        raise ExperimentError(
            f"an effect of {effect} cannot be found with any traffic (standard deviation "
            f"{math.sqrt(_variance(past)):.4g}); ask for a larger effect"
        )
    return max(FEWEST_LISTENERS, math.ceil(needed))


def minimal_effect(past: Aggregate, listeners: float, config: PowerConfig | None = None) -> float:
    """Return the smallest absolute effect that is found with the power, ≥ 0.

    Raises:
        ExperimentError: No listeners, or the past has too few.
    """
    config = config or PowerConfig()
    if listeners <= 0:
        raise ExperimentError(f"{listeners} listeners find nothing; give more than 0")
    return _shift(config) * math.sqrt(_variance(past) / listeners / _balance(config))


class Days(NamedTuple):
    """How long an experiment has to run."""

    days: int
    """Whole days from its start."""
    is_extrapolated: bool
    """Whether that is beyond the traffic curve, continued at the pace of its last week."""


def days_needed(listeners: int, traffic: Sequence[float], share: float = 1.0) -> Days:
    """Read off a traffic curve when enough different listeners will have come.

    Args:
        listeners: Needed in both variations.
        traffic: Different listeners seen until the end of day 1, 2, …; rising.
        share: Of the traffic that enters the experiment, in (0, 1].

    Raises:
        ExperimentError: An empty or falling curve, a share outside (0, 1], or a curve that has
            become flat below what is needed.
    """
    falls = any(late < early for early, late in pairwise(traffic))
    if not traffic or falls or not 0 < share <= 1:
        raise ExperimentError(
            f"a traffic curve of {len(traffic)} days with share {share} says nothing; give the "
            "different listeners seen until each day, rising, and a share in (0, 1]"
        )
    for day, seen in enumerate(traffic, start=1):
        if seen * share >= listeners:
            return Days(day, is_extrapolated=False)
    week = traffic[-8:] if len(traffic) >= 8 else [0.0, *traffic]
    pace = (week[-1] - week[0]) / (len(week) - 1) * share
    if pace <= 0:
        raise ExperimentError(
            f"{listeners} listeners are needed and traffic has become flat at "
            f"{traffic[-1] * share:.0f}; raise the share of traffic, or ask for a larger effect"
        )
    left = listeners - traffic[-1] * share
    return Days(len(traffic) + math.ceil(left / pace), is_extrapolated=True)


def _variance(past: Aggregate) -> float:
    """Return the variance of one listener, linearised and adjusted as the analysis will do it."""
    return contrast(past, past).variance * past.n / 2


def _balance(config: PowerConfig) -> float:
    """Return what turns a variance over all listeners into that of the difference."""
    return config.treatment_share * (1 - config.treatment_share)


def _power(shift: float, config: PowerConfig) -> float:
    """Count crossings in the effect's own direction: the other would be a wrong finding."""
    return float(special.ndtr(shift + special.ndtri(config.alpha / 2)))


def _shift(config: PowerConfig) -> float:
    """Return the effect in standard errors that has the power."""
    return float(special.ndtri(config.power) - special.ndtri(config.alpha / 2))
