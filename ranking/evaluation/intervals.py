"""Means with bootstrap intervals, resampling whole listeners."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

RESAMPLES = 1000
COVERAGE = 0.95


class Estimate(BaseModel):
    """A figure with its 95 % interval."""

    model_config = ConfigDict(frozen=True)

    mean: float
    low: float
    high: float


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
    means = np.empty(RESAMPLES)
    for at in range(RESAMPLES):
        means[at] = known[rng.integers(0, known.size, known.size)].mean()
    return _estimate(float(known.mean()), means)


def bootstrap_statistic(
    n_users: int,
    statistic: Callable[[NDArray[np.int64]], float],
    rng: np.random.Generator,
    resamples: int = 200,
) -> Estimate:
    """Return any statistic of a set of listeners with its percentile interval.

    Args:
        n_users: How many listeners there are.
        statistic: From listener positions (with repeats) to a figure.
        rng: Draws the resamples.
        resamples: How many.
    """
    drawn = [statistic(rng.integers(0, n_users, n_users)) for _ in range(resamples)]
    return _estimate(statistic(np.arange(n_users)), np.asarray(drawn))


def _estimate(mean: float, drawn: NDArray[np.float64]) -> Estimate:
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(mean=mean, low=float(low), high=float(high))
