"""How much listeners with the same taste play a candidate: ALS preference, three ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.collaborative.factors import AlsFactors
from ranking.listeners.preference import folded_in
from ranking.model import Candidates, FeedQuery, Floats


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

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:
        """Return (n, 4); NaN for a listener or track the factorisation knows nothing of."""
        taste = folded_in(query.listener, self.factors)
        tracks = self.factors.tracks[candidates.rows]
        preference = tracks @ taste
        track_norm = np.sqrt(np.sum(tracks * tracks, axis=1))
        lengths = track_norm * np.sqrt(taste @ taste)
        known = lengths > 0
        cosine = np.divide(preference, lengths, out=np.zeros_like(lengths), where=known)
        best = preference.max(initial=0.0)
        relative = preference / best if best > 0 else np.zeros_like(preference)
        values = np.column_stack([preference, cosine, track_norm, relative]).astype(np.float32)
        values[~known] = np.nan
        return values
