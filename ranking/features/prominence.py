"""Where a candidate stands in the whole catalogue, as each scorer sees it for this listener.

Scores of different scorers and listeners have different units. Their distance from the catalogue's
mean, in standard deviations over the catalogue, has none: such columns can be added up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from embeddings.collaborative.confidence import relative
from embeddings.collaborative.factors import AlsFactors
from embeddings.collaborative.neighbours import ItemNeighbours
from ranking.features.batch import Offered, Requests
from ranking.features.tastes import tastes
from ranking.model import Floats, Rows
from ranking.sources.autoencoder import HISTORY_LIMIT

ALS, AUTOENCODER, POPULARITY = "als_standing", "autoencoder_standing", "popularity_standing"
FLAT = 1e-12  # a spread below which nothing stands out


@dataclass(frozen=True, slots=True, eq=False)
class Prominence:
    """Standard scores of ALS, the autoencoder and popularity over the catalogue.

    No scorer is run over the catalogue: the mean and the spread of all its scores follow from sums
    made once, and from the few scores that are not zero.

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

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 3); NaN where a scorer knows nothing of the listener."""
        values = np.empty((len(offered), len(self.names)), dtype=np.float32)
        values[:, 0] = self._als(requests, offered)
        values[:, 1] = self._foretold(requests, offered)
        values[:, 2] = self.popularity[offered.rows]
        return values

    def _als(self, requests: Requests, offered: Offered) -> NDArray[np.float64]:
        found = tastes(requests, self.factors).astype(np.float64)
        mean = found @ self.mean_factor
        # Σ (y·x)² = xᵀ (YᵀY) x: the spread over the catalogue without a score for each track.
        square = np.einsum("rd,de,re->r", found, self.factors.gram, found, optimize=True)
        owners = offered.owners
        scores = np.einsum("nd,nd->n", self.factors.tracks[offered.rows], found[owners])
        return _standing(scores, mean[owners], square[owners] / self._size)

    def _foretold(self, requests: Requests, offered: Offered) -> NDArray[np.float64]:
        """What each listener's tracks say of others, see `foretold`; of the most a plain 0."""
        used = requests.latest(requests.weights > 0, HISTORY_LIMIT)
        starts = np.searchsorted(used, requests.starts)
        worth = relative(requests.weights[used].astype(np.float64), starts)
        rows = requests.rows[used]
        mean, square = np.zeros(len(requests)), np.zeros(len(requests))
        own = np.zeros(len(offered))
        for request in range(len(requests)):
            mine = slice(starts[request], starts[request + 1])
            found, totals = self.autoencoder.totals(rows[mine], worth[mine])
            if found.size:
                mean[request] = totals.sum() / self._size
                square[request] = totals @ totals / self._size
                asked = slice(offered.starts[request], offered.starts[request + 1])
                own[asked] = _looked_up(offered.rows[asked], found, totals)
        owners = offered.owners
        return _standing(own, mean[owners], square[owners])

    @property
    def _size(self) -> int:
        return max(len(self.listeners), 1)


def _looked_up(wanted: Rows, rows: Rows, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score of each wanted row, 0 where it is not among the ascending rows."""
    at = np.minimum(np.searchsorted(rows, wanted), rows.size - 1)
    return np.where(rows[at] == wanted, scores[at], 0.0)


def standard(scores: Floats) -> Floats:
    """Return scores less their mean, over their standard deviation; NaN where all are alike."""
    if not scores.size or (spread := float(scores.std(dtype=np.float64))) < FLAT:
        return np.full(scores.size, np.nan, dtype=np.float32)
    mean = float(scores.mean(dtype=np.float64))
    return np.asarray((scores - mean) / spread, dtype=np.float32)


def _standing(
    scores: NDArray[np.float64], mean: NDArray[np.float64], square: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n,) standard scores, given mean and mean square of all; NaN where all are alike."""
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
    stands = spread >= FLAT
    found = np.full(scores.size, np.nan)
    np.divide(scores - mean, spread, out=found, where=stands)
    return found
