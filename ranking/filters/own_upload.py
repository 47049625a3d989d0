"""Keeps a creator's own tracks out of their own feed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.ids import UNKNOWN_ROW
from ranking.catalogue import Catalogue
from ranking.model import Candidates, FeedQuery, Mask


@dataclass(frozen=True, slots=True, eq=False)
class OwnUploadFilter:
    """Allows tracks that the listener did not make; a creator is known by their user id."""

    catalogue: Catalogue
    name: str = "own_upload"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) false where the listener is the creator."""
        own = self.catalogue.creators.row(query.listener.user_id)
        creators = self.catalogue.creator_rows[candidates.rows]
        return np.asarray((creators != own) | (own == UNKNOWN_ROW))
