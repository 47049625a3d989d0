"""How much listeners with the same taste play a candidate: ALS preference, three ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.collaborative.confidence import confidence_of
from embeddings.collaborative.factors import AlsFactors
from ranking.features.batch import Offered, Requests
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
        return ("als_preference", "als_cosine", "als_track_norm", "als_relative")

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 4); NaN for a listener or track the factorisation knows nothing of."""
        owners = offered.owners
        tastes = self._tastes(requests)
        tracks = self.factors.tracks[offered.rows]
        preference = np.einsum("nd,nd->n", tracks, tastes[owners])
        norms = np.sqrt(np.einsum("nd,nd->n", tracks, tracks))
        lengths = norms * np.sqrt(np.einsum("rd,rd->r", tastes, tastes))[owners]
        known = lengths > 0
        cosine = np.divide(preference, lengths, out=np.zeros_like(lengths), where=known)
        best = np.zeros(len(requests), dtype=np.float32)
        np.maximum.at(best, owners, preference)
        best = best[owners]
        relative = np.divide(preference, best, out=np.zeros_like(preference), where=best > 0)
        values = np.column_stack([preference, cosine, norms, relative]).astype(np.float32)
        values[~known] = np.nan
        return values

    def _tastes(self, requests: Requests) -> Floats:
        """Return (r, dim) the listeners' factors as of each request."""
        tastes = np.zeros((len(requests), self.factors.dim), dtype=np.float32)
        weights, starts = requests.weights, requests.starts
        liked = np.flatnonzero(weights > 0)
        if not liked.size:
            return tastes
        rows = requests.rows[liked]
        confidence = confidence_of(weights[liked], self.factors.confidence)
        bounds = np.searchsorted(liked, starts)
        for request in np.flatnonzero(np.diff(bounds)):
            part = slice(bounds[request], bounds[request + 1])
            tastes[request] = self.factors.fold_in(rows[part], confidence[part])
        return tastes
