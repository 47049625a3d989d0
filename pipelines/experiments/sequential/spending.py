"""How much of the false alarms allowed may have been used up after a share of the information."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from scipy import special

Spending = Callable[[float, float], float]
"""From a share of the information in [0, 1] and alpha to the two-sided alpha spent until then."""

SpendingName = Literal["obrien_fleming", "pocock", "quadratic"]


def obrien_fleming(share: float, alpha: float) -> float:
    """Spend next to nothing early and nearly all at the end, so that the last look loses little.

    Each of the two sides spends half of alpha by Lan and DeMets' first function.
    """
    return 4 * float(special.ndtr(special.ndtri(alpha / 4) / math.sqrt(share))) if share else 0.0


def pocock(share: float, alpha: float) -> float:
    """Spend evenly, so that large effects stop an experiment early; the last look loses more."""
    return alpha * math.log1p((math.e - 1) * share)


def quadratic(share: float, alpha: float) -> float:
    """Spend with the square of the information: between the two others.

    Source:
        Kim and DeMets, "Design and analysis of group sequential tests based on the type I error
        spending rate function", 1987, with ρ = 2.
    """
    return alpha * share**2


SPENDINGS: dict[SpendingName, Spending] = {
    "obrien_fleming": obrien_fleming,
    "pocock": pocock,
    "quadratic": quadratic,
}
