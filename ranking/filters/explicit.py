"""Keeps explicit tracks from listeners who do not want them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.catalogue import Catalogue
from ranking.model import Candidates, FeedQuery, Mask


@dataclass(frozen=True, slots=True, eq=False)
class ExplicitFilter:
    """Allows explicit tracks only where the listener does."""

    catalogue: Catalogue
    name: str = "explicit"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) false where the track is explicit and the listener said no."""
        explicit = self.catalogue.explicit[candidates.rows]
        return np.asarray(~explicit | query.listener.preferences.explicit)
