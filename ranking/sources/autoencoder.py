"""Offers what a linear autoencoder foretells from everything the listener plays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from embeddings.collaborative.confidence import relative
from embeddings.collaborative.neighbours import ItemNeighbours
from ranking.listeners.preference import preference_weights
from ranking.model import Candidates, FeedQuery, Floats, Listener, Rows, one_source
from ranking.sources.selection import best_of
from ranking.sources.shelf import Shelf

HISTORY_LIMIT = 1000  # latest tracks that foretell others


class AutoencoderSourceConfig(BaseModel):
    """How many tracks are offered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=200, ge=0, le=5000)
    """Tracks offered to one page."""
    skip_heard: bool = True
    """Whether to leave out what the filters would drop as heard, so that it takes no place."""


@dataclass(frozen=True, slots=True, eq=False)
class AutoencoderSource:
    """Tracks that the listener's tracks speak for, less those that speak against them.

    Args:
        shelf: What may be offered.
        autoencoder: Signed weights between tracks, in catalogue rows.
        config: Limits.
    """

    shelf: Shelf
    autoencoder: ItemNeighbours
    config: AutoencoderSourceConfig
    name: str = "autoencoder"

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        """Return the tracks foretold most strongly; none that more speaks against than for."""
        rows, scores = foretold(query.listener, self.autoencoder)
        offered = self.shelf.open_to(query)[rows] & (scores > 0)
        if self.config.skip_heard:
            offered &= ~np.isin(rows, self.shelf.skipped(query))
        return one_source(self.name, *best_of(rows[offered], scores[offered], limit))


def foretold(listener: Listener, autoencoder: ItemNeighbours) -> tuple[Rows, Floats]:
    """Return what the listener's tracks say of others: rows and scores, best first.

    Args:
        listener: Each of their tracks counts as in the fit, relative to their own mean.
        autoencoder: In catalogue rows.
    """
    weights = preference_weights(listener)
    used = np.flatnonzero(weights > 0)[:HISTORY_LIMIT]
    worth = relative(weights[used].astype(np.float64), np.array([0, used.size]))
    return autoencoder.scores(listener.rows[used], worth)
