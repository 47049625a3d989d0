"""Everything a feed reads that was learned from history, aligned to the catalogue's rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.collaborative.factors import AlsFactors
from embeddings.collaborative.neighbours import ItemNeighbours
from embeddings.index import VectorIndex
from ranking.model import Floats


@dataclass(frozen=True, slots=True, eq=False)
class TrackStatistics:
    """How tracks fared up to one moment, in catalogue rows.

    Args:
        plays: (n,) plays.
        listeners: (n,) distinct listeners.
        recent: (n,) plays with exponential decay; equals `plays` where times are not known.
        finish_rate: (n,) finishes per play, shrunk towards the catalogue's mean; NaN never.
        skip_rate: (n,) skips per play, shrunk likewise.
        like_rate: (n,) likes per listener, shrunk likewise.
        as_of_ms: The moment; nothing later was read.
    """

    plays: Floats
    listeners: Floats
    recent: Floats
    finish_rate: Floats
    skip_rate: Floats
    like_rate: Floats
    as_of_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What was learned from history, in the catalogue's rows.

    Args:
        vectors: (n, dim) audio vectors, unit rows; zero rows where a track has none.
        index: Neighbours in audio space, over the same rows.
        factors: ALS factors; `track_ids` equal the catalogue's, zero rows for unknown tracks.
        neighbours: Co-listened tracks, in catalogue rows.
        statistics: How tracks fared.
    """

    vectors: Floats
    index: VectorIndex
    factors: AlsFactors
    neighbours: ItemNeighbours
    statistics: TrackStatistics

    @property
    def has_vector(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(n,) whether a track has an audio vector."""
        return np.asarray(np.any(self.vectors != 0, axis=1))
