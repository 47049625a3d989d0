"""Keeps out what the listener disliked or hid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.clusters import Clusters
from ranking.model import Candidates, FeedQuery, Mask


@dataclass(frozen=True, slots=True, eq=False)
class DislikedFilter:
    """Allows tracks the listener has turned down in no copy.

    Args:
        clusters: Which tracks hold the same recording.
    """

    clusters: Clusters
    name: str = "disliked"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) false where the listener's opinion is against the recording."""
        listener = query.listener
        against = self.clusters.with_copies(listener.rows[listener.opinions < 0])
        return ~np.isin(candidates.rows, against)
