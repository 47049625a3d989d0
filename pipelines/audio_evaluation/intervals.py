"""Intervals of figures of queries, resampled one by one, by labels or as a ratio, and of counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.evaluation.intervals import COVERAGE, RESAMPLES, Estimate, Z

Values = NDArray[np.float64]


def label_bootstrap(values: Values, codes: NDArray[np.int64], rng: np.random.Generator) -> Estimate:
    """Return the mean over queries with an interval that resamples whole labels.

    Tracks of one label succeed or fail together; this interval is what to expect of other labels,
    the one over queries what to expect of other tracks of these.

    Args:
        values: (q,) one value a query; NaN is left out.
        codes: (q,) their labels.
        rng: Draws the resamples.

    Source:
        Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8.
    """
    known = ~np.isnan(values)
    _, groups = np.unique(codes[known], return_inverse=True)
    if not groups.size:
        return _unknown()
    sums = np.bincount(groups, weights=values[known])
    sizes = np.bincount(groups).astype(np.float64)
    drawn = rng.integers(0, sizes.size, (RESAMPLES, sizes.size))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return _estimate(float(values[known].mean()), means)


def ratio_bootstrap(values: Values, others: Values, rng: np.random.Generator) -> Estimate:
    """Return the ratio of two means over the same queries, resampled together.

    Args:
        values: (q,) one value a query.
        others: (q,) what it is compared with, in the same order.
        rng: Draws the resamples.
    """
    known = ~(np.isnan(values) | np.isnan(others))
    above, below = values[known], others[known]
    if not below.sum() > 0:
        return _unknown()
    drawn = rng.integers(0, above.size, (RESAMPLES, above.size))
    # A resample in which nothing was found would divide by nothing: it is left out.
    totals = below[drawn].sum(axis=1)
    ratios = above[drawn].sum(axis=1)[totals > 0] / totals[totals > 0]
    return _estimate(float(above.sum() / below.sum()), ratios)


def wilson(hits: int, n: int, z: float = Z) -> Estimate:
    """Return a share with its interval.

    Args:
        hits: How many.
        n: Out of how many.
        z: Half-width in standard errors; that of 95 % unless told.

    Source:
        Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    if not n:
        return _unknown()
    share = hits / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Estimate(mean=share, low=max(0.0, centre - half), high=min(1.0, centre + half))


def _estimate(figure: float, resampled: Values) -> Estimate:
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Estimate(mean=figure, low=float(low), high=float(high))


def _unknown() -> Estimate:
    nothing = float("nan")
    return Estimate(mean=nothing, low=nothing, high=nothing)
