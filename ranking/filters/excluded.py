"""Keeps out what the caller asked to leave out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.clusters import Clusters
from ranking.model import Candidates, FeedQuery, Mask


@dataclass(frozen=True, slots=True, eq=False)
class ExcludedFilter:
    """Allows tracks of which the request excludes no copy.

    Args:
        clusters: Which tracks hold the same recording.
    """

    clusters: Clusters
    name: str = "excluded"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) false where the caller named the track or a copy of it."""
        return ~np.isin(candidates.rows, self.clusters.with_copies(query.exclude))
