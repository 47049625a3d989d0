"""Errors that know whose rows they are: one listener's rows are not independent of each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ranking.evaluation.intervals import COVERAGE
from ranking.model import Rows

Values = NDArray[np.float64]


def clustered_error(influence: Values, users: Rows) -> float:
    """Return the standard error of a mean over rows that belong to listeners.

    Args:
        influence: (n,) how far each row moves the estimate, times n; sums to 0.
        users: (n,) whose row it is, from 0, each number up to the highest taken.

    Returns:
        √(G / (G - 1) Σ_g (Σ_{i in g} influence_i)²) / n over G listeners; NaN for fewer than two.

    Source:
        Liang and Zeger, "Longitudinal data analysis using generalized linear models", Biometrika
        1986; the factor is the usual one for few clusters.
    """
    sums = np.bincount(users, influence)
    if sums.size < 2:
        return float("nan")
    return float(np.sqrt(sums.size / (sums.size - 1) * (sums @ sums)) / influence.size)


def clustered_interval(value: float, error: float, n_users: int) -> tuple[float, float]:
    """Return the 95 % interval by Student's t with one degree less than there are listeners."""
    if n_users < 2:
        return float("nan"), float("nan")
    half = float(stdtrit(n_users - 1, (1 + COVERAGE) / 2)) * error
    return value - half, value + half
