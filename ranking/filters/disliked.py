"""Keeps out what the listener disliked or hid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.model import Candidates, FeedQuery, Mask


@dataclass(frozen=True, slots=True, eq=False)
class DislikedFilter:
    """Allows tracks the listener has not turned down."""

    name: str = "disliked"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) false where the listener's opinion is against the track."""
        listener = query.listener
        return ~np.isin(candidates.rows, listener.rows[listener.opinions < 0])
