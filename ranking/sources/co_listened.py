"""Offers what is played by the same listeners as the tracks in the listener's history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from embeddings.collaborative.neighbours import ItemNeighbours
from ranking.listeners.preference import preference_weights
from ranking.listeners.session import SessionConfig, session_emphasis
from ranking.model import Candidates, FeedQuery, Floats, Rows, one_source
from ranking.sources.selection import best_of
from ranking.sources.shelf import Shelf


class CoListenedConfig(BaseModel):
    """How much of the history is used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=200, ge=0, le=5000)
    """Tracks offered to one page."""
    skip_heard: bool = True
    """Whether to leave out what the filters would drop as heard, so that it takes no place."""
    history_limit: int = Field(default=200, ge=1, le=5000)
    """Latest tracks of the listener whose neighbours are summed."""
    session: SessionConfig = SessionConfig()
    """How much more counts what was played just now."""
    exponent: float = Field(default=0.5, ge=0, le=1)
    """A track counts by its weight to this power: 1 by plays, 0 each the same."""


@dataclass(frozen=True, slots=True, eq=False)
class CoListenedSource:
    """Tracks whose listeners are those of the listener's tracks.

    Args:
        shelf: What may be offered.
        neighbours: In catalogue rows.
        config: History and limits.
    """

    shelf: Shelf
    neighbours: ItemNeighbours
    config: CoListenedConfig
    name: str = "co_listened"

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        """Return the tracks with the largest summed similarity to the history."""
        rows, scores = self.neighbours.scores(*weighted_history(query, self.config))
        offered = self.shelf.open_to(query)[rows]
        if self.config.skip_heard:
            offered &= ~np.isin(rows, self.shelf.skipped(query))
        return one_source(self.name, *best_of(rows[offered], scores[offered], limit))


def weighted_history(query: FeedQuery, config: CoListenedConfig) -> tuple[Rows, Floats]:
    """Return the latest tracks that speak for a taste, and what each is worth.

    Args:
        query: Whose history, and when.
        config: How many, how plays count, and how much more those of the session.

    Returns:
        rows (k,) and weights (k,) > 0, latest first.
    """
    weights = preference_weights(query.listener)
    used = np.flatnonzero(weights > 0)[: config.history_limit]
    emphasis = session_emphasis(query, config.session)
    return query.listener.rows[used], weights[used] ** np.float32(config.exponent) * emphasis[used]
