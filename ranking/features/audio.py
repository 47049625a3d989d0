"""How much a candidate sounds like what the listener chose lately."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.listeners.preference import preference_weights
from ranking.model import Candidates, FeedQuery, Floats

HISTORY_LIMIT = 100  # most recent tracks compared
STRONGEST = 5


@dataclass(frozen=True, slots=True, eq=False)
class AudioAffinity:
    """Cosine to the latest track, to the mean of the history, the best and the best five.

    Args:
        vectors: (n_tracks, dim) unit rows; zero rows where a track has none.
    """

    vectors: Floats

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("audio_latest", "audio_mean", "audio_max", "audio_top5", "audio_disliked")

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:
        """Return (n, 5); NaN where the candidate, or all of the history, has no vector."""
        vectors = self.vectors[candidates.rows]
        unknown = ~np.any(vectors != 0, axis=1)
        values = np.full((len(candidates), len(self.names)), np.nan, dtype=np.float32)
        weights = preference_weights(query.listener)
        liked = self._heard(query.listener.rows[weights > 0])
        if liked.size:
            near = vectors @ liked.T
            count = min(STRONGEST, liked.shape[0])
            strongest = -np.partition(-near, count - 1, axis=1)[:, :count]
            values[:, 0] = near[:, 0]
            values[:, 1] = near.mean(axis=1)
            values[:, 2] = strongest.max(axis=1)
            values[:, 3] = strongest.mean(axis=1)
        disliked = self._heard(query.listener.rows[query.listener.opinions < 0])
        if disliked.size:
            values[:, 4] = (vectors @ disliked.T).max(axis=1)
        values[unknown] = np.nan
        return values

    def _heard(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
        """Return the vectors of the latest tracks that have one."""
        if not self.vectors.shape[1]:
            return self.vectors[:0]
        vectors = self.vectors[rows[:HISTORY_LIMIT]]
        return vectors[np.any(vectors != 0, axis=1)]
