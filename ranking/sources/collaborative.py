"""Offers what listeners alike play: ALS factors, folded in from the listener's latest plays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from embeddings.collaborative.factors import AlsFactors
from ranking.listeners.preference import folded_in
from ranking.listeners.session import SessionConfig, session_emphasis
from ranking.model import NO_FLOATS, NO_ROWS, Candidates, FeedQuery, Mask, one_source
from ranking.sources.selection import best_rows
from ranking.sources.shelf import Shelf


class CollaborativeConfig(BaseModel):
    """How many tracks are offered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=200, ge=0, le=5000)
    """Tracks offered to one page."""
    skip_heard: bool = True
    """Whether to leave out what the filters would drop as heard, so that it takes no place."""
    session: SessionConfig = SessionConfig()
    """How much more counts what was played just now."""


@dataclass(frozen=True, slots=True, eq=False)
class CollaborativeSource:
    """Tracks whose factors agree with the listener's.

    Args:
        shelf: What may be offered.
        factors: In catalogue rows; zero rows where a track was not in the fit.
        config: Limits.
    """

    shelf: Shelf
    factors: AlsFactors
    config: CollaborativeConfig
    name: str = "collaborative"
    fitted: Mask = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fitted", np.any(self.factors.tracks != 0, axis=1))

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        """Return the tracks with the largest predicted preference; none for a cold listener."""
        emphasis = session_emphasis(query, self.config.session)
        taste = folded_in(query.listener, self.factors, emphasis)
        if limit < 1 or not taste.any():
            return one_source(self.name, NO_ROWS, NO_FLOATS)
        scores = self.factors.tracks @ taste
        scores[~(self.fitted & self.shelf.open_to(query))] = -np.inf
        if self.config.skip_heard:
            scores[self.shelf.skipped(query)] = -np.inf
        rows = best_rows(scores, limit)
        return one_source(self.name, rows, scores[rows])
