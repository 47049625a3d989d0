"""Where a candidate stands in the whole catalogue, as each scorer sees it for this listener.

Scores of different scorers and listeners have different units. Their distance from the catalogue's
mean, in standard deviations over the catalogue, has none: such columns can be added up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from embeddings.collaborative.factors import AlsFactors
from embeddings.collaborative.neighbours import ItemNeighbours
from ranking.listeners.preference import folded_in
from ranking.model import Candidates, FeedQuery, Floats
from ranking.sources.autoencoder import foretold

ALS, AUTOENCODER, POPULARITY = "als_standing", "autoencoder_standing", "popularity_standing"
FLAT = 1e-12  # a spread below which nothing stands out


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Standard scores of ALS, the autoencoder and popularity over the catalogue.

    Args:
        factors: In catalogue rows.
        autoencoder: Likewise.
        listeners: (n_tracks,) distinct listeners.
    """

    factors: AlsFactors
    autoencoder: ItemNeighbours
    listeners: Floats
    mean_factor: NDArray[np.float64] = field(init=False)
    popularity: Floats = field(init=False)

    def __post_init__(self) -> None:
        tracks = self.factors.tracks
        mean = tracks.mean(axis=0, dtype=np.float64) if len(tracks) else np.zeros(self.factors.dim)
        object.__setattr__(self, "mean_factor", mean)
        object.__setattr__(self, "popularity", standard(np.log1p(self.listeners)))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return (ALS, AUTOENCODER, POPULARITY)

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:
        """Return (n, 3); NaN where a scorer knows nothing of the listener."""
        rows = candidates.rows
        columns = [self._als(query)[rows], self._foretold(query)[rows], self.popularity[rows]]
        return np.column_stack(columns).astype(np.float32)

    def _als(self, query: FeedQuery) -> Floats:
        taste = folded_in(query.listener, self.factors).astype(np.float64)
        n = max(len(self.factors.tracks), 1)
        mean = float(self.mean_factor @ taste)
        # Σ (y·x)² = xᵀ (YᵀY) x: the spread over the catalogue without a score for each track.
        square = float(taste @ self.factors.gram @ taste) / n
        spread = max(square - mean * mean, 0.0) ** 0.5
        if spread < FLAT:
            return np.full(len(self.factors.tracks), np.nan, dtype=np.float32)
        scores = self.factors.tracks @ taste.astype(np.float32)
        return np.asarray((scores - np.float32(mean)) / np.float32(spread))

    def _foretold(self, query: FeedQuery) -> Floats:
        scores = np.zeros(len(self.listeners), dtype=np.float32)
        found, values = foretold(query.listener, self.autoencoder)
        scores[found] = values
        return standard(scores)


def standard(scores: Floats) -> Floats:
    """Return scores less their mean, over their standard deviation; NaN where all are alike."""
    if not scores.size or (spread := float(scores.std(dtype=np.float64))) < FLAT:
        return np.full(scores.size, np.nan, dtype=np.float32)
    mean = float(scores.mean(dtype=np.float64))
    return np.asarray((scores - mean) / spread, dtype=np.float32)
