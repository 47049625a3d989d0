"""Keeps out what the caller asked to leave out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.model import Candidates, FeedQuery, Mask


@dataclass(frozen=True, slots=True, eq=False)
class ExcludedFilter:
    """Allows tracks that the request does not exclude."""

    name: str = "excluded"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) false where the caller named the track."""
        return ~np.isin(candidates.rows, query.exclude)
