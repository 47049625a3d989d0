"""Holds a metric's largest values down before it is aggregated, alike in every variation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import ExperimentError


def cap_values(values: NDArray[np.float64], cap: float) -> NDArray[np.float64]:
    """Return values with all above `cap` set to it, (n,)."""
    return np.minimum(values, cap)


def winsorising_cap(pooled: NDArray[np.float64], quantile: float) -> float:
    """Return the cap that a quantile of all variations' listeners together gives.

    One cap for all, because caps from each variation would hide an effect on heavy listeners and
    find one where none is.

    Args:
        pooled: (n,) values of every variation.
        quantile: In (0.5, 1]; 0.999 caps one listener in a thousand.

    Raises:
        ExperimentError: No values, or a quantile outside (0.5, 1].
    """
    if not pooled.size or not 0.5 < quantile <= 1:
        raise ExperimentError(
            f"quantile {quantile} of {pooled.size} values gives no cap; use a quantile in "
            "(0.5, 1], such as 0.999, and values of at least one listener"
        )
    return float(np.quantile(pooled, quantile))
