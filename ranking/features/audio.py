"""How much a candidate sounds like what the listener chose lately."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.features.batch import Offered, Requests
from ranking.model import Floats, Rows

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

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 5); NaN where the candidate, or all of the history, has no vector."""
        values = np.full((len(offered), len(self.names)), np.nan, dtype=np.float32)
        if not self.vectors.shape[1] or not len(offered):
            return values
        liked = requests.latest(requests.weights > 0, HISTORY_LIMIT)
        turned_down = requests.latest(requests.opinions < 0, HISTORY_LIMIT)
        bounds = np.searchsorted(liked, requests.starts)
        against = np.searchsorted(turned_down, requests.starts)
        vectors = self.vectors[offered.rows]
        for request in np.flatnonzero(np.diff(offered.starts)):
            part = slice(*offered.starts[request : request + 2])
            heard = self._heard(requests.rows[liked[slice(*bounds[request : request + 2])]])
            if heard.size:
                values[part, :4] = _near(vectors[part], heard)
            disliked = turned_down[slice(*against[request : request + 2])]
            if disliked.size and (heard := self._heard(requests.rows[disliked])).size:
                values[part, 4] = (vectors[part] @ heard.T).max(axis=1)
        values[~np.any(vectors != 0, axis=1)] = np.nan
        return values

    def _heard(self, rows: Rows) -> Floats:
        """Return the vectors of the tracks that have one."""
        vectors = self.vectors[rows]
        return vectors[np.any(vectors != 0, axis=1)]


def _near(vectors: Floats, heard: Floats) -> Floats:
    """Return cosine to the first, mean, best and mean of the best few."""
    near = vectors @ heard.T
    count = min(STRONGEST, heard.shape[0])
    strongest = np.partition(near, near.shape[1] - count, axis=1)[:, -count:]
    return np.column_stack(
        [near[:, 0], near.mean(axis=1), strongest.max(axis=1), strongest.mean(axis=1)]
    )
