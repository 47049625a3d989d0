"""Keeps generated tracks from the listeners who are to show what a feed without them is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.catalogue import Catalogue, Origin
from ranking.model import Candidates, FeedQuery, Mask
from ranking.supply.holdout import GeneratedConfig, held_out


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedHoldoutFilter:
    """Allows held-out listeners what was not generated, and everyone else everything."""

    catalogue: Catalogue
    config: GeneratedConfig
    name: str = "generated_holdout"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) false where the listener is held out and the track generated."""
        if not held_out(query.listener.user_id, self.config):
            return np.ones(len(candidates), dtype=np.bool_)
        return np.asarray(self.catalogue.origins[candidates.rows] != Origin.GENERATED)
