"""How good predicted probabilities are: order, surprise, honesty, and order within small groups.

Weights say how often a row counts: those of a bootstrap resample, or ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
SMALLEST = 1e-7  # no outcome is ruled out: one mistake would cost everything


def auc(order: NDArray[np.int64], ties: Flags, happened: Flags, weights: Values) -> float:
    """Return the probability that a row with the outcome scores above one without.

    Args:
        order: (n,) rows by score, ascending; sorted once, read by every resample.
        ties: (n,) whether the row at that place scores the same as the one before it.
        happened: (n,) the outcome, by row.
        weights: (n,) by row.

    Returns:
        NaN where all outcomes are alike. Equal scores count half.

    Source:
        Hanley and McNeil, Radiology 1982: the area is the Mann-Whitney statistic.
    """
    weight, hit = weights[order], happened[order]
    up, down = weight * hit, weight * ~hit
    first = np.flatnonzero(~ties)
    ups, downs = (np.add.reduceat(one, first) for one in (up, down))
    below = np.cumsum(downs) - downs
    pairs = float(up.sum() * down.sum())
    return float((ups * (below + 0.5 * downs)).sum() / pairs) if pairs else float("nan")


def ranked(scores: Values) -> tuple[NDArray[np.int64], Flags]:
    """Return (order, ties) as `auc` wants them."""
    order = np.argsort(scores, kind="stable")
    ties = np.zeros(order.size, dtype=np.bool_)
    ties[1:] = scores[order][1:] == scores[order][:-1]
    return order, ties


def log_losses(probabilities: Values, happened: Flags) -> Values:
    """Return (n,) the negative log-likelihood of each outcome, in nats."""
    p = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    return np.where(happened, -np.log(p), -np.log1p(-p))


def equal_bins(probabilities: Values, bins: int = 15) -> NDArray[np.int64]:
    """Return (n,) the bin of each row, the least probable first, bins of equal size."""
    rank = np.empty(probabilities.size, dtype=np.int64)
    rank[np.argsort(probabilities, kind="stable")] = np.arange(probabilities.size)
    return rank * bins // max(probabilities.size, 1)


def calibration_error(
    numbers: NDArray[np.int64], probabilities: Values, happened: Flags, weights: Values
) -> float:
    """Return the mean distance of predicted from observed rates over bins.

    Args:
        numbers: (n,) from `equal_bins`; sorted once, read by every resample.
        probabilities: (n,).
        happened: (n,).
        weights: (n,).

    Source:
        Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
        binning", AAAI 2015; equal masses instead of equal widths, since most outcomes are rare.
    """
    if not probabilities.size:
        return float("nan")
    gap = weights * (probabilities - happened)
    return float(np.abs(np.bincount(numbers, gap)).sum() / weights.sum())


def grouped_ndcg(
    scores: Values, happened: Flags, groups: NDArray[np.int64]
) -> tuple[Values, NDArray[np.int64]]:
    """Return the NDCG of each group whose outcomes are not all alike, and the groups.

    Rows of equal score share their places: their gains are averaged over them.

    Args:
        scores: (n,).
        happened: (n,) gain 1 or 0.
        groups: (n,) ≥ 0.
    """
    order = np.lexsort((-scores, groups))
    group, score, hit = groups[order], scores[order], happened[order].astype(np.float64)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    sizes = np.diff(np.append(starts, group.size))
    rank = np.arange(group.size) - np.repeat(starts, sizes)
    discount = 1.0 / np.log2(rank + 2.0)
    new = np.ones(group.size, dtype=np.bool_)
    new[1:] = (np.diff(group) != 0) | (np.diff(score) != 0)
    tie = np.cumsum(new) - 1
    shared = np.bincount(tie, discount) / np.bincount(tie)
    gain = np.add.reduceat(hit * shared[tie], starts)
    hits = np.add.reduceat(hit, starts).astype(np.int64)
    ideal = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, sizes.max() + 2)))])
    mixed = (hits > 0) & (hits < sizes)
    return gain[mixed] / ideal[hits[mixed]], group[starts][mixed]
