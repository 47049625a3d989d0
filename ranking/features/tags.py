"""How well a candidate's tags fit the tags of what the listener plays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ranking.listeners.preference import preference_weights
from ranking.model import Candidates, FeedQuery, Floats


@dataclass(frozen=True, slots=True, eq=False)
class TagAffinity:
    """Cosine between a candidate's tags and the listener's tag profile, and tags shared.

    Args:
        tags: (n_tracks, n_tags) csr, rows of unit length or empty.
    """

    tags: sp.csr_matrix

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("tag_cosine", "tag_max", "tag_count")

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:
        """Return (n, 3); NaN where the candidate has no tags or the listener no profile."""
        own = self.tags[candidates.rows]
        counts = np.diff(own.indptr).astype(np.float32)
        values = np.full((len(candidates), len(self.names)), np.nan, dtype=np.float32)
        values[:, 2] = counts
        weights = preference_weights(query.listener)
        liked = weights > 0
        if not liked.any() or not self.tags.shape[1]:
            return values
        heard = self.tags[query.listener.rows[liked]]
        profile = np.asarray(heard.T @ np.log1p(weights[liked])).ravel()
        length = np.sqrt(profile @ profile)
        if length > 0:
            values[:, 0] = (own @ profile) / length
            values[:, 1] = (own @ heard.T).toarray().max(axis=1)
        values[counts == 0, :2] = np.nan
        return values
