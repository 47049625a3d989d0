"""Keeps false alarms rare where many metrics or variations are tested together."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

CorrectionName = Literal["none", "holm", "benjamini_hochberg"]


def adjust(p_values: ArrayLike, correction: CorrectionName) -> NDArray[np.float64]:
    """Return adjusted p-values, each to be compared with alpha, in the order given.

    Args:
        p_values: (m,) of one family, in [0, 1].
        correction: `holm` bounds the chance of any false alarm in the family, whatever depends on
            what; `benjamini_hochberg` the expected share of false alarms among the alarms, for
            independent or positively dependent metrics.
    """
    given = np.asarray(p_values, dtype=np.float64)
    if correction == "none" or given.size < 2:
        return given.copy()
    return _holm(given) if correction == "holm" else _benjamini_hochberg(given)


def _holm(given: NDArray[np.float64]) -> NDArray[np.float64]:
    """Step down from the smallest.

    Source:
        Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    order = np.argsort(given, kind="stable")
    left = np.arange(given.size, 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * left), 1.0)
    return adjusted


def _benjamini_hochberg(given: NDArray[np.float64]) -> NDArray[np.float64]:
    """Step up from the largest.

    Source:
        Benjamini and Hochberg, "Controlling the false discovery rate", 1995.
    """
    order = np.argsort(given, kind="stable")[::-1]
    rank = np.arange(given.size, 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum.accumulate(given[order] * (given.size / rank)).clip(max=1.0)
    return adjusted
