"""Runs of numbers laid end to end: reading many slices of one array at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def spans(low: NDArray[np.integer], counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the numbers low, low + 1, … of several runs, end to end.

    Args:
        low: (r,) where each run begins.
        counts: (r,) how long each is, ≥ 0.

    Example:
        >>> spans(np.array([7, 2]), np.array([2, 3])).tolist()
        [7, 8, 2, 3, 4]
    """
    ends = np.cumsum(counts, dtype=np.int64)
    total = int(ends[-1]) if ends.size else 0
    return np.arange(total) + np.repeat(low - (ends - counts), counts)
