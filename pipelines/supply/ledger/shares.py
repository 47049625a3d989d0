"""Sharing whole units out so that nothing is lost and nobody is favoured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
LARGEST = np.iinfo(np.int64).max


def shared_out(units: int, weights: Counts) -> Counts:
    """Share whole units out in proportion to weights, to the last one.

    Each gets its share rounded down; the units that are left go to the largest remainders, of
    equal ones to the first. Reckoned in whole numbers, so that it is exact at any size.

    Args:
        units: To be shared out, ≥ 0.
        weights: (n,) ≥ 0.

    Returns:
        (n,) whole numbers; their sum is `units`, or 0 where no weight is above 0.

    Raises:
        ValueError: If units or a weight are negative.

    Source:
        Hamilton's method; Balinski and Young, "Fair Representation", 1982.
    """
    if units < 0 or (weights < 0).any():
        raise ValueError("units and weights must not be negative")
    total = sum(weights.tolist())
    if total == 0:
        return np.zeros(weights.size, dtype=np.int64)
    fits = units * int(weights.max()) <= LARGEST
    product = weights.astype(np.int64 if fits else object) * units
    whole, remainders = product // total, product % total
    left = units - int(whole.sum())
    order = np.argsort(-remainders, kind="stable")
    whole[order[:left]] += 1
    return np.asarray(whole.astype(np.int64))
