"""Offers what sounds like the tracks the listener liked, finished or played last."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from embeddings.index import VectorIndex
from ranking.listeners.preference import preference_weights
from ranking.listeners.session import SessionConfig, in_session
from ranking.model import Candidates, FeedQuery, Floats, Mask, Rows, one_source
from ranking.sources.selection import best_of
from ranking.sources.shelf import Shelf


class SimilarConfig(BaseModel):
    """Which tracks are sought around, and how widely."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=200, ge=0, le=5000)
    """Tracks offered to one page."""
    skip_heard: bool = True
    """Whether to leave out what the filters would drop as heard, so that it takes no place."""
    seeds: int = Field(default=10, ge=1, le=100)
    """Latest liked, finished or played tracks to search around."""
    neighbours: int = Field(default=100, ge=1, le=2000)
    """Neighbours sought of each; as many again where heard tracks may stand among them."""
    session: SessionConfig = SessionConfig()
    """What belongs to the session; the boost plays no part here."""
    earlier_weight: float = Field(default=0.9, ge=0, le=1)
    """While a session lasts, what the cosine to a seed from before it is worth, of its usual."""
    finished_weight: float = Field(default=0.95, ge=0, le=1)
    """What the cosine to a finished track is worth, a liked one being worth 1."""
    played_weight: float = Field(default=0.85, ge=0, le=1)
    """The same for a track that was only played."""


@dataclass(frozen=True, slots=True, eq=False)
class SimilarSource:
    """Tracks near the listener's latest favourites in audio space.

    Args:
        shelf: What may be offered.
        vectors: (n_tracks, dim) unit rows, zero where a track has none.
        index: Neighbours over the same rows.
        config: Seeds, reach and limits.
    """

    shelf: Shelf
    vectors: Floats
    index: VectorIndex
    config: SimilarConfig
    name: str = "similar"
    has_vector: Mask = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_vector", np.any(self.vectors != 0, axis=1))

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        """Return the tracks with the largest weighted cosine to any seed."""
        seeds, worth = audio_seeds(query, self.has_vector, self.config)
        skipped = self.shelf.clusters.with_copies(seeds)  # what sounds most alike is the copy
        if self.config.skip_heard:
            skipped = np.concatenate([skipped, self.shelf.skipped(query)])
        width = self.config.neighbours + min(int(skipped.size), self.config.neighbours)
        near, cosines = self.index.search(self.vectors[seeds], width)
        found = near >= 0
        rows, where = np.unique(near[found], return_inverse=True)
        scores = np.full(rows.size, -np.inf, dtype=np.float32)
        np.maximum.at(scores, where, (cosines * worth[:, None])[found])
        offered = self.shelf.open_to(query)[rows] & ~np.isin(rows, skipped)
        return one_source(self.name, *best_of(rows[offered], scores[offered], limit))


def audio_seeds(query: FeedQuery, has_vector: Mask, config: SimilarConfig) -> tuple[Rows, Floats]:
    """Return the tracks to search around, latest first, and what a cosine to each is worth.

    Args:
        query: Whose favourites, and when.
        has_vector: (n_tracks,) which tracks can be compared.
        config: How many, and their worth.

    Returns:
        rows (k,) and weights (k,) in [0, 1], k ≤ `config.seeds`.
    """
    listener = query.listener
    liked = (preference_weights(listener) > 0) & has_vector[listener.rows]
    used = np.flatnonzero(liked)[: config.seeds]
    finished = np.where(listener.finishes[used] > 0, config.finished_weight, config.played_weight)
    worth = np.where(listener.opinions[used] > 0, 1.0, finished)
    now = in_session(query, config.session)[used]
    if now.any():
        worth = np.where(now, worth, worth * config.earlier_weight)
    return listener.rows[used], worth.astype(np.float32)
