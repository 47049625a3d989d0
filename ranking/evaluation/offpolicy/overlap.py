"""How far a log can speak for another policy: effective size, weights, what it never showed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_EFFECTIVE_SIZE = 100
"""Below this many equally weighted rows an estimate is a number and never a verdict."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Overlap:
    """How well the log covers what the target policy does.

    Args:
        effective_size: Kish's: this many rows of equal weight are worth as much. Of pages, that of
            the slot with the least.
        max_weight: The largest importance weight, before any clipping.
        mean_weight: Near 1 where propensities are right and everything is supported; what it lacks
            is what the target does and the log never did.
        unsupported_share: Share, in [0, 1], of the target's decisions that the log cannot speak
            of: the logging policy never took them, or their propensity was not logged.
        n_rows: Rows weighed.
        n_users: Listeners they belong to.
    """

    effective_size: float
    max_weight: float
    mean_weight: float
    unsupported_share: float
    n_rows: int
    n_users: int

    @property
    def is_sufficient(self) -> bool:
        """Whether a verdict may rest on it."""
        return self.effective_size >= MIN_EFFECTIVE_SIZE


def effective_size(weights: Values) -> float:
    """Return (Σw)² / Σw²; 0 where no weight is above 0.

    Args:
        weights: (n,) ≥ 0.

    Source:
        Kish, "Survey Sampling", 1965, section 11.7.
    """
    total, squares = float(weights.sum()), float(weights @ weights)
    return total * total / squares if squares > 0 else 0.0
