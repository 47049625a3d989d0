"""Intervals that hold at every look at once, so that anyone may look whenever they like.

The asymptotic confidence sequence of a normal mixture: a fixed-horizon interval holds with 95 % at
one look; this one holds with 95 % at all looks together, at the price of being wider. `tuning` says
where it is narrowest compared with a fixed one: near that many listeners (both variations
together). Far smaller samples pay more, larger ones only a little more, so set it to the size at
which a decision is wanted. It must not be chosen after looking.
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict, Field

from pipelines.experiments.statistics.aggregates import Aggregate
from pipelines.experiments.statistics.contrasts import contrast
from pipelines.experiments.statistics.effects import Effect, effect


class AlwaysValidConfig(BaseModel):
    """How an always-valid comparison is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Share of experiments whose interval may miss the truth at any look."""
    tuning: float = Field(default=20_000, gt=0)
    """Listeners of both variations at which the interval is tightest beside a fixed one."""
    min_listeners: int = Field(default=200, ge=2)
    """Listeners of both variations below which nothing is claimed: the sequence is asymptotic."""


def mixture_precision(alpha: float, tuning: float) -> float:
    """Return ρ², the mixing precision that makes the sequence tightest at `tuning` observations.

    Source:
        Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
        asymptotic confidence sequences", 2021, appendix on optimising ρ.
    """
    log_odds = -2 * math.log(alpha)
    return (log_odds + math.log(log_odds + 1)) / tuning


def critical_value(n: int, alpha: float, tuning: float) -> float:
    """Return how many standard errors the sequence lies from its middle after `n` observations."""
    precise = n * mixture_precision(alpha, tuning)
    return math.sqrt((precise + 1) / precise * (math.log(precise + 1) - 2 * math.log(alpha)))


def half_width(n: int, variance: float, alpha: float, tuning: float) -> float:
    """Return the half-width of the sequence around a mean of `n` observations.

    Args:
        n: Observations so far; listeners of both variations for a difference.
        variance: Of one observation; n times the squared standard error for a difference.
        alpha: Share of sequences that may miss the truth, ever.
        tuning: Observations at which the sequence is tightest.
    """
    return math.sqrt(variance / n) * critical_value(n, alpha, tuning)


def always_valid(
    control: Aggregate, treatment: Aggregate, config: AlwaysValidConfig | None = None
) -> Effect:
    """Compare at any look, as often as wanted.

    The p-value is below `alpha` exactly where the interval excludes 0. Each is that of this look;
    the running minimum of p-values, or the intersection of intervals, is valid as well.

    Raises:
        ExperimentError: The aggregates cannot be compared.
    """
    config = config or AlwaysValidConfig()
    found = contrast(control, treatment)
    if found.n < config.min_listeners:
        return effect(found, math.inf, 1.0)
    critical = critical_value(found.n, config.alpha, config.tuning)
    precise = found.n * mixture_precision(config.alpha, config.tuning)
    log_p = math.log(precise + 1) / 2 - found.z**2 / 2 * precise / (precise + 1)
    return effect(found, critical, math.exp(min(log_p, 0.0)))
