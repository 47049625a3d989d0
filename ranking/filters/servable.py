"""Keeps out tracks that are blocked, hidden by a blocked parent, retired or not yet on air."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ranking.catalogue import Catalogue
from ranking.model import Candidates, FeedQuery, Mask


@dataclass(frozen=True, slots=True, eq=False)
class ServableFilter:
    """Allows tracks that are on air."""

    catalogue: Catalogue
    name: str = "servable"
    servable: Mask = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "servable", self.catalogue.servable)

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:  # noqa: ARG002
        """Return (n,) true where the track is active or on trial, and not hidden."""
        return np.asarray(self.servable[candidates.rows])
