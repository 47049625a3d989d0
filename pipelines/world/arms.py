"""Arms: what each feed's listeners did, and how sure the difference between two feeds is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

CONFIDENCE = 0.95

Draws = NDArray[np.float64]


class Interval(BaseModel):
    """An estimate and where it would lie in 95 of 100 repetitions."""

    model_config = ConfigDict(frozen=True)

    mean: float | None
    """None where there was nothing to measure."""
    low: float | None
    high: float | None


class ArmReport(BaseModel):
    """What the listeners of one feed did with it."""

    model_config = ConfigDict(frozen=True)

    name: str
    listeners: int
    """Those who saw a page."""
    pages: int
    degraded: int
    """Pages that a fallback made."""
    impressions: int
    plays: int
    finishes: int
    skips: int
    likes: int
    finishes_per_impression: Interval
    skips_per_play: Interval
    likes_per_impression: Interval


def ratio_draws(
    above: NDArray[np.int64], below: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> Draws:
    """Return the ratio of two sums over listeners, resampled.

    Listeners are drawn with replacement, because what one listener does is not independent.

    Args:
        above: (u,) counts of each listener.
        below: (u,) counts of each listener.
        resamples: How many.
        rng: Source of chance.

    Returns:
        (resamples,); NaN where a resample has nothing below, empty where nobody has.

    Source:
        Efron & Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13.
    """
    if not below.sum():
        return np.empty(0)
    times = rng.multinomial(below.size, np.full(below.size, 1.0 / below.size), size=resamples)
    totals = times @ below
    drawn = np.full(resamples, np.nan)
    return np.asarray(np.divide(times @ above, totals, out=drawn, where=totals > 0))


def ratio_of(above: NDArray[np.int64], below: NDArray[np.int64]) -> float:
    """Return the ratio of two sums, NaN where there is nothing below."""
    return float(above.sum() / below.sum()) if below.sum() else float("nan")


def interval(estimate: float, draws: Draws) -> Interval:
    """Return the percentile interval of resampled values around an estimate."""
    known = draws[~np.isnan(draws)]
    if np.isnan(estimate) or not known.size:
        return Interval(mean=None, low=None, high=None)
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return Interval(mean=round(estimate, 5), low=round(float(low), 5), high=round(float(high), 5))


def difference(
    one: tuple[NDArray[np.int64], NDArray[np.int64]],
    other: tuple[NDArray[np.int64], NDArray[np.int64]],
    resamples: int,
    rng: np.random.Generator,
) -> Interval:
    """Return how much higher the first ratio is than the second, of two groups of listeners.

    Args:
        one: (u,) counts above and below, of the first group.
        other: (v,) likewise, of the second.
        resamples: How many.
        rng: Source of chance.
    """
    draws = [ratio_draws(above, below, resamples, rng) for above, below in (one, other)]
    if not all(drawn.size for drawn in draws):
        return interval(float("nan"), np.empty(0))
    return interval(ratio_of(*one) - ratio_of(*other), draws[0] - draws[1])
