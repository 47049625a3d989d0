"""Thompson sampling with known probabilities: how likely each of several beliefs is the highest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

EDGES = 97  # of the grid the integral is taken over; doubling it changes no probability by 1e-3
REACH = 4.0  # standard deviations on either side that the grid covers

Doubles = NDArray[np.float64]


def win_probabilities(mean: Doubles, deviation: Doubles) -> Doubles:
    """Return how likely a draw of each normal belief exceeds the draws of all others.

    Drawing once from these probabilities is Thompson sampling: sampling every belief and taking
    the highest. The difference is that they are known, so they can be logged as propensities.

    Args:
        mean: (k,) of each belief.
        deviation: (k,) standard deviations, > 0.

    Returns:
        (k,) positive, summing to 1.

    Source:
        Thompson (1933), "On the likelihood that one unknown probability exceeds another in view of
        the evidence of two samples".
    """
    if mean.size < 2:
        return np.ones(mean.size)
    low = float((mean - REACH * deviation).min())
    high = float((mean + REACH * deviation).max())
    edges = np.linspace(low, high, EDGES)
    below = log_ndtr((edges - mean[:, None]) / deviation[:, None])
    mass = np.diff(np.exp(below), axis=1)
    middle = 0.5 * (below[:, 1:] + below[:, :-1])
    others = middle.sum(axis=0) - middle
    wins = (mass * np.exp(others)).sum(axis=1) + np.finfo(np.float64).tiny
    return np.asarray(wins / wins.sum())
