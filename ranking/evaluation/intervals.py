"""Means with bootstrap intervals, resampling whole listeners."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, field_serializer, field_validator

RESAMPLES = 1000
COVERAGE = 0.95
BLOCK_VALUES = 100_000  # drawn at a time: 0.8 MB of rows
Z = 1.959964  # of the normal distribution, for the same coverage


class Estimate(BaseModel):
    """A figure with its 95 % interval; NaN, in JSON null, where nothing was there to measure."""

    model_config = ConfigDict(frozen=True)

    mean: float
    low: float
    high: float

    def __neg__(self) -> Estimate:
        """Return the estimate of the figure's negative."""
        return Estimate(mean=0.0 - self.mean, low=0.0 - self.high, high=0.0 - self.low)

    @field_validator("mean", "low", "high", mode="before")
    @classmethod
    def _nan_for_null(cls, value: float | None) -> float:
        return float("nan") if value is None else value

    @field_serializer("mean", "low", "high", when_used="json")
    def _null_for_nan(self, value: float) -> float | None:
        return None if np.isnan(value) else value


def bootstrap_mean(values: NDArray[np.float64], rng: np.random.Generator) -> Estimate:
    """Return the mean over listeners and its percentile interval.

    Args:
        values: (n_users,) one value a listener; NaN is left out.
        rng: Draws the resamples.

    Source:
        Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return Estimate(mean=float("nan"), low=float("nan"), high=float("nan"))
    block = max(1, BLOCK_VALUES // known.size)  # many at once; the draws are those of one by one
    sizes = [min(block, RESAMPLES - at) for at in range(0, RESAMPLES, block)]
    drawn = (rng.integers(0, known.size, (size, known.size)) for size in sizes)
    means = np.concatenate([known[rows].mean(axis=1) for rows in drawn])
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(mean=float(known.mean()), low=float(low), high=float(high))


def jackknife(figure: float, without: NDArray[np.float64]) -> Estimate:
    """Return a figure of a set of listeners with its normal interval.

    For figures that count what is distinct: a resample holds only two thirds of the listeners, so
    the bootstrap of such a figure does not even contain it.

    Args:
        figure: Of all listeners.
        without: (n_users,) the figure of all but one of them.

    Source:
        Efron and Tibshirani, chapter 11.
    """
    n = without.size
    if n < 2:
        return Estimate(mean=figure, low=float("nan"), high=float("nan"))
    error = np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2))
    return Estimate(mean=figure, low=figure - Z * error, high=figure + Z * error)
