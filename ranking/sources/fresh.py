"""Offers trial tracks near the listener's taste, so that new music is tried on the right people."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ranking.catalogue import Catalogue
from ranking.listeners.preference import preference_weights
from ranking.model import Candidates, FeedQuery, Floats, Listener, Rows, one_source
from ranking.sources.selection import best_of
from ranking.sources.shelf import Shelf


class FreshConfig(BaseModel):
    """How many trial tracks are offered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=50, ge=0, le=5000)
    """Trial tracks offered to one page."""
    skip_heard: bool = True
    """Whether to leave out what the filters would drop as heard, so that it takes no place."""
    history_limit: int = Field(default=200, ge=1, le=5000)
    """Latest tracks of the listener that make the taste."""


@dataclass(frozen=True, slots=True, eq=False)
class FreshSource:
    """Trial tracks by their cosine to the listener's mean vector; the newest for a cold listener.

    Args:
        shelf: The trial tracks that may be offered.
        catalogue: When tracks came out.
        vectors: (n_tracks, dim) unit rows, zero where a track has none.
        config: Limits.
    """

    shelf: Shelf
    catalogue: Catalogue
    vectors: Floats
    config: FreshConfig
    name: str = "fresh"
    trial: Rows = field(init=False)
    """(k,) trial tracks, newest first."""

    def __post_init__(self) -> None:
        rows = np.flatnonzero(np.logical_or.reduce(list(self.shelf.masks.values())))
        newest = np.lexsort((rows, -self.catalogue.released_at_ms[rows]))
        object.__setattr__(self, "trial", rows[newest].astype(np.int64))

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        """Return trial tracks with a score in [-1, 1]."""
        rows = self.trial[self.shelf.open_to(query)[self.trial]]
        if self.config.skip_heard:
            rows = rows[~np.isin(rows, self.shelf.skipped(query))]
        taste = taste_vector(query.listener, self.vectors, self.config.history_limit)
        scores = self.vectors[rows] @ taste if taste.any() else _newest_first(rows.size)
        return one_source(self.name, *best_of(rows, scores, limit))


def taste_vector(listener: Listener, vectors: Floats, history_limit: int) -> Floats:
    """Return the direction of the tracks a listener likes.

    Args:
        listener: Whose taste.
        vectors: (n_tracks, dim) unit rows.
        history_limit: Latest tracks used.

    Returns:
        (dim,) of norm 1; zeros where nothing they like has a vector. A track counts by the
        logarithm of its weight, so that one played all day does not hide the others.
    """
    weights = preference_weights(listener)
    used = np.flatnonzero(weights > 0)[:history_limit]
    mean = np.log1p(weights[used]) @ vectors[listener.rows[used]]
    norm = np.linalg.norm(mean)
    return np.asarray(mean / norm if norm > 0 else mean, dtype=np.float32)


def _newest_first(size: int) -> Floats:
    return np.linspace(1.0, 0.0, size, dtype=np.float32)
