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
        """Return (r, dim) the listeners' factors as of each request: `fold_in`, many at a time.

        The systems are solved by one call; a test holds them to `AlsFactors.fold_in`.
        """
        factors = self.factors
        tastes = np.zeros((len(requests), factors.dim), dtype=np.float32)
        liked = np.flatnonzero(requests.weights > 0)
        bounds = np.searchsorted(liked, requests.starts)
        known = np.flatnonzero(np.diff(bounds))
        if not known.size:
            return tastes
        rows = requests.rows[liked]
        confidence = confidence_of(requests.weights[liked], factors.confidence).astype(np.float32)
        ridged = factors.gram + factors.regularization * np.eye(factors.dim)
        one = np.float32(1.0)
        systems = np.empty((known.size, factors.dim, factors.dim))
        wanted = np.empty((known.size, factors.dim, 1))
        for at, request in enumerate(known):
            part = slice(bounds[request], bounds[request + 1])
            own, trust = factors.tracks[rows[part]], confidence[part]
            # Products in float32, sums with the ridge and the solution in float64: half the time,
            # and a hundred tracks' rounding is far below what a preference means.
            systems[at] = (own.T * (trust - one)) @ own
            wanted[at, :, 0] = trust @ own
        systems += ridged
        try:
            tastes[known] = np.linalg.solve(systems, wanted)[:, :, 0]
        except np.linalg.LinAlgError:  # a system without a ridge may be singular
            for request in known:
                part = slice(bounds[request], bounds[request + 1])
                tastes[request] = factors.fold_in(rows[part], confidence[part])
        return tastes
