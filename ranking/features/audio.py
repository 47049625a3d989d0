"""How much a candidate sounds like what the listener chose lately."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from embeddings.runs import spans
from ranking.features.batch import Offered, Requests
from ranking.model import Floats, Mask, Rows

HISTORY_LIMIT = 100  # most recent tracks compared
STRONGEST = 5


@dataclass(frozen=True, slots=True, eq=False)
class AudioAffinity:
    """Cosine to the latest track, to the mean of the history, the best and the best five.

    Args:
        vectors: (n_tracks, dim) unit rows; zero rows where a track has none.
        has_vector: (n_tracks,) whether a track has one.
    """

    vectors: Floats
    has_vector: Mask = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_vector", np.any(self.vectors != 0, axis=1))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("audio_latest", "audio_mean", "audio_max", "audio_top5", "audio_disliked")

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 5); NaN where the candidate, or all of the history, has no vector."""
        values = np.full((len(offered), len(self.names)), np.nan, dtype=np.float32)
        if not self.vectors.shape[1] or not len(offered):
            return values
        audible = self.has_vector[requests.rows]
        vectors = self.vectors[offered.rows]
        liked = self._compared(requests, (requests.weights > 0) & audible)
        near, some = self._near(offered, vectors, liked)
        if some.size:
            sizes = np.diff(liked[1])[offered.owners[some]]
            means = near.sum(axis=1) / sizes
            near[np.arange(HISTORY_LIMIT) >= sizes[:, None]] = -np.inf
            count = np.minimum(sizes, STRONGEST)
            best = np.partition(near, HISTORY_LIMIT - STRONGEST, axis=1)[:, -STRONGEST:]
            strongest = np.where(np.isfinite(best), best, 0.0).sum(axis=1) / count
            values[some, :4] = np.column_stack([near[:, 0], means, best.max(axis=1), strongest])
        turned_down = self._compared(requests, (requests.opinions < 0) & audible)
        far, some = self._near(offered, vectors, turned_down)
        sizes = np.diff(turned_down[1])[offered.owners[some]]
        far[np.arange(HISTORY_LIMIT) >= sizes[:, None]] = -np.inf
        values[some, 4] = far.max(axis=1)
        values[~self.has_vector[offered.rows]] = np.nan
        return values

    def _compared(self, requests: Requests, wanted: Mask) -> tuple[Rows, Rows]:
        """Return the catalogue rows compared with, and where each listener's begin."""
        at = requests.latest(wanted, HISTORY_LIMIT)
        return requests.rows[at], np.searchsorted(at, requests.starts)

    def _near(
        self, offered: Offered, vectors: Floats, heard: tuple[Rows, Rows]
    ) -> tuple[Floats, Rows]:
        """Return cosines (k, HISTORY_LIMIT), zero beyond the history, and of which candidates.

        Only candidates whose listener has something to compare with are returned.
        """
        rows, bounds = heard
        known = np.flatnonzero(np.diff(bounds) * np.diff(offered.starts))
        sizes = np.diff(offered.starts)[known]
        near = np.zeros((int(sizes.sum()), HISTORY_LIMIT), dtype=np.float32)
        first = 0
        for request, size in zip(known, sizes, strict=True):
            mine = self.vectors[rows[bounds[request] : bounds[request + 1]]]
            asked = vectors[offered.starts[request] : offered.starts[request + 1]]
            near[first : first + size, : len(mine)] = asked @ mine.T
            first += size
        return near, spans(offered.starts[known], sizes)
