"""Says what a variation changed: a difference with its interval and p-value, and a relative one."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict
from scipy import special

from core.errors import ExperimentError
from pipelines.experiments.statistics.aggregates import Aggregate
from pipelines.experiments.statistics.contrasts import Contrast, contrast

LARGEST_FREEDOM = 1e9  # beyond it t is normal to 1e-9, and scipy has no quantile at infinity


class Interval(BaseModel):
    """An estimate with the two ends of its interval."""

    model_config = ConfigDict(frozen=True)

    estimate: float
    """The middle of what is likely; not of the interval where that is skewed."""
    low: float
    """Lower end; -inf where data do not bound it."""
    high: float
    """Upper end; inf where data do not bound it."""

    def holds(self, value: float) -> bool:
        """Return whether a value lies inside."""
        return self.low <= value <= self.high


class Effect(BaseModel):
    """What one variation changed in one metric."""

    model_config = ConfigDict(frozen=True)

    control: float
    """The control's level, adjusted by the covariate where there is one."""
    treatment: float
    """The treatment's level, adjusted likewise."""
    difference: Interval
    """Treatment less control, in the metric's unit."""
    relative: Interval | None
    """The difference as a share of the control; None where the control may be 0."""
    p_value: float
    """Of the absolute difference being 0, by the same test as `difference`."""
    n: int
    """Listeners of both variations."""
    variance_kept: float
    """What the covariate left of the difference's variance, in [0, 1]; 1 without one."""


def fixed_horizon(control: Aggregate, treatment: Aggregate, *, alpha: float = 0.05) -> Effect:
    """Compare once, at a time fixed beforehand, by Welch's t-test.

    Looking more often makes false alarms; `always_valid` and `group_sequential` allow it.

    Args:
        control: What is compared with.
        treatment: Of the same variables.
        alpha: Share of intervals that may miss the truth, in (0, 1).

    Raises:
        ExperimentError: The aggregates cannot be compared.
    """
    check_alpha(alpha)
    found = contrast(control, treatment)
    freedom = min(found.freedom, LARGEST_FREEDOM)
    critical = float(special.stdtrit(freedom, 1 - alpha / 2))
    p_value = 2 * float(special.stdtr(freedom, -abs(found.z)))
    return effect(found, critical, p_value)


def effect(found: Contrast, critical: float, p_value: float) -> Effect:
    """Put intervals of `critical` standard errors around a contrast."""
    # Nothing that varies and an unbounded critical value: nothing is known, rather than NaN.
    half = critical * found.standard_error if found.variance > 0 else 0.0
    if math.isinf(critical):
        half = math.inf
    middle = found.difference
    return Effect(
        control=found.control,
        treatment=found.treatment,
        difference=Interval(estimate=middle, low=middle - half, high=middle + half),
        relative=relative_interval(found, critical),
        p_value=p_value,
        n=found.n,
        variance_kept=found.variance_kept,
    )


def relative_interval(found: Contrast, critical: float) -> Interval | None:
    """Bound difference / control by Fieller's method.

    The interval holds every ratio r for which difference - r · control lies within `critical`
    standard errors of 0. At r = 0 that is the absolute test, so that both intervals exclude 0
    together; the delta method's symmetric interval does not, and covers badly where the control's
    level is itself uncertain. It is bounded only while the control's level is `critical` standard
    errors away from 0.

    Returns:
        None where the control's level may be 0, because no relative effect is defined there.

    Source:
        Fieller, "Some problems in interval estimation", 1954.
    """
    squared = critical**2
    lead = found.control**2 - squared * found.control_variance
    if not math.isfinite(squared) or lead <= 0:
        return None
    middle = found.difference * found.control - squared * found.covariance
    last = found.difference**2 - squared * found.variance
    root = math.sqrt(max(middle**2 - lead * last, 0.0))
    # A lower control is divided by with its sign, so that "more" stays positive.
    ends = sorted(((middle - root) / lead, (middle + root) / lead))
    estimate = found.difference / found.control
    if found.control < 0:
        estimate, ends = -estimate, [-ends[1], -ends[0]]
    return Interval(estimate=estimate, low=ends[0], high=ends[1])


def check_alpha(alpha: float) -> None:
    """Refuse a level that no interval can have.

    Raises:
        ExperimentError: `alpha` is not in (0, 1).
    """
    if not 0 < alpha < 1:
        raise ExperimentError(f"alpha is {alpha}; use a level in (0, 1), such as 0.05")
