"""Keeps out creators the listener never wants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.catalogue import Catalogue
from ranking.model import Candidates, FeedQuery, Mask


@dataclass(frozen=True, slots=True, eq=False)
class BlockedCreatorFilter:
    """Allows tracks whose creator the listener has not blocked."""

    catalogue: Catalogue
    name: str = "blocked_creator"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) false where the creator is blocked; an unknown creator cannot be."""
        creators = self.catalogue.creator_rows[candidates.rows]
        blocked = np.isin(creators, query.listener.preferences.blocked_creators)
        return ~(blocked & (creators >= 0))
