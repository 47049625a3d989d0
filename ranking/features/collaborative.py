"""How much listeners with the same taste play a candidate: the preference that ALS predicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.collaborative.factors import AlsFactors
from ranking.features.batch import Offered, Requests
from ranking.features.tastes import tastes
from ranking.model import Floats


@dataclass(frozen=True, slots=True, eq=False)
class CollaborativeAffinity:
    """Predicted preference, its cosine, and the length of the track's factor.

    The preference grows with popularity, the cosine does not; the length says how much the
    factorisation knows of the track.

    Args:
        factors: In catalogue rows.
    """

    factors: AlsFactors

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("als_preference", "als_cosine", "als_track_norm")

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 3); NaN for a listener or track the factorisation knows nothing of."""
        owners = offered.owners
        found = tastes(requests, self.factors)
        tracks = self.factors.tracks[offered.rows]
        preference = np.einsum("nd,nd->n", tracks, found[owners])
        norms = np.sqrt(np.einsum("nd,nd->n", tracks, tracks))
        lengths = norms * np.sqrt(np.einsum("rd,rd->r", found, found))[owners]
        known = lengths > 0
        cosine = np.divide(preference, lengths, out=np.zeros_like(lengths), where=known)
        values = np.column_stack([preference, cosine, norms]).astype(np.float32)
        values[~known] = np.nan
        return values
