"""Asks whether an effect is the same in every segment, and whether two splits know each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict
from scipy import special

from core.errors import ExperimentError


class Heterogeneity(BaseModel):
    """How far effects of segments differ beyond chance."""

    model_config = ConfigDict(frozen=True)

    statistic: float
    """Cochran's Q: squared distances from the common effect, in standard errors."""
    freedom: int
    """Segments less one."""
    p_value: float
    """Chance of a Q as large where the effect is the same everywhere."""


def heterogeneity(differences: Sequence[float], variances: Sequence[float]) -> Heterogeneity:
    """Test that the effects of segments of different listeners are one.

    Args:
        differences: (k,) treatment less control in each segment.
        variances: (k,) of the differences, > 0.

    Raises:
        ExperimentError: Fewer than two segments, or a variance that is not positive.

    Source:
        Cochran, "The combination of estimates from different experiments", 1954.
    """
    if len(differences) < 2 or min(variances) <= 0:
        raise ExperimentError(
            f"effects of {len(differences)} segments with variances {list(variances)} cannot be "
            "compared; give at least two whose values vary"
        )
    apart, weights = np.asarray(differences), 1 / np.asarray(variances)
    common = float(weights @ apart / weights.sum())
    statistic = float(weights @ (apart - common) ** 2)
    freedom = len(differences) - 1
    return Heterogeneity(
        statistic=statistic, freedom=freedom, p_value=float(special.chdtrc(freedom, statistic))
    )


def independence(counts: ArrayLike) -> float:
    """Return the p-value of Pearson's test that the rows of a table of counts split alike.

    Args:
        counts: (r, c) listeners by variation of one experiment and of another.

    Returns:
        1 where a table has nothing to compare: fewer than two rows or columns with listeners.
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    if freedom <= 0:
        return 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(special.chdtrc(freedom, ((table - expected) ** 2 / expected).sum()))
