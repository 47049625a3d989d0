"""Keeps out tracks that may not be heard where the listener is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ranking.catalogue import Catalogue
from ranking.model import Candidates, FeedQuery, Mask, Rows


@dataclass(frozen=True, slots=True, eq=False)
class RegionFilter:
    """Allows tracks cleared for the listener's country.

    A listener whose country is not known gets what may be heard everywhere: rights that cannot be
    checked are not assumed.
    """

    catalogue: Catalogue
    name: str = "region"
    restricted: Rows = field(init=False)

    def __post_init__(self) -> None:
        rows = np.fromiter(self.catalogue.regions, dtype=np.int64)
        object.__setattr__(self, "restricted", np.sort(rows))

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) false where the track is cleared for other countries only."""
        allowed = np.ones(len(candidates), dtype=np.bool_)
        country, regions = query.listener.preferences.region, self.catalogue.regions
        for at in np.flatnonzero(np.isin(candidates.rows, self.restricted)):
            allowed[at] = country in regions[int(candidates.rows[at])]
        return allowed
