"""How often a candidate is heard by those who hear what this listener hears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.collaborative.neighbours import ItemNeighbours
from ranking.listeners.preference import preference_weights
from ranking.model import Candidates, FeedQuery, Floats

STRONGEST = 3  # a few close neighbours say more than many faint ones
HISTORY_LIMIT = 500  # rows of the similarity matrix read for one listener


@dataclass(frozen=True, slots=True, eq=False)
class CoListenedAffinity:
    """Similarity of a candidate to the listener's history: sum, weighted sum, best, best three.

    Args:
        neighbours: In catalogue rows.
    """

    neighbours: ItemNeighbours

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("knn_sum", "knn_weighted", "knn_max", "knn_top3", "knn_links")

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:
        """Return (n, 5); zeros where nothing in the history is a neighbour."""
        weights = preference_weights(query.listener)
        liked = np.flatnonzero(weights > 0)[:HISTORY_LIMIT]
        if not liked.size or not len(candidates):
            return np.zeros((len(candidates), len(self.names)), dtype=np.float32)
        history, worth = query.listener.rows[liked], np.log1p(weights[liked])
        near = self.neighbours.similarity[history][:, candidates.rows].toarray()
        count = min(STRONGEST, liked.size)
        strongest = -np.partition(-near, count - 1, axis=0)[:count]
        return np.column_stack(
            [
                near.sum(axis=0),
                worth @ near / worth.sum(),
                strongest.max(axis=0),
                strongest.mean(axis=0),
                np.log1p((near > 0).sum(axis=0)),
            ]
        ).astype(np.float32)
