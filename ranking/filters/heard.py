"""Keeps out what the listener heard, or was shown, too recently for this surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.clusters import Clusters
from ranking.listeners.repeats import RepeatConfig, too_recent
from ranking.model import Candidates, FeedQuery, Mask


@dataclass(frozen=True, slots=True, eq=False)
class HeardFilter:
    """Allows tracks whose time to come back has arrived, whichever copy was heard.

    Args:
        config: The windows.
        clusters: Which tracks hold the same recording.
    """

    config: RepeatConfig
    clusters: Clusters
    name: str = "heard"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) true where the surface's windows have passed."""
        met = self.clusters.with_copies(too_recent(query, self.config))
        return ~np.isin(candidates.rows, met)
