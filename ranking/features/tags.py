"""How well a candidate's tags fit the tags of what the listener plays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ranking.features.batch import Offered, Requests
from ranking.model import Floats, Rows

HISTORY_LIMIT = 100  # most recent tracks whose tags are compared one by one


@dataclass(frozen=True, slots=True, eq=False)
class TagAffinity:
    """Cosine between a candidate's tags and the listener's tag profile, best match, tags.

    Args:
        tags: (n_tracks, n_tags) csr, rows of unit length or empty.
    """

    tags: sp.csr_matrix

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("tag_cosine", "tag_max", "tag_count")

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 3); NaN where the candidate has no tags or the listener no profile."""
        own = self.tags[offered.rows]
        counts = np.diff(own.indptr).astype(np.float32)
        values = np.full((len(offered), len(self.names)), np.nan, dtype=np.float32)
        values[:, 2] = counts
        liked = np.flatnonzero(requests.weights > 0)
        if not liked.size or not own.nnz:
            return values
        owners = offered.owners
        profiles = self._profiles(requests, liked)
        lengths = np.sqrt(np.einsum("rt,rt->r", profiles, profiles))[owners]
        pairs = np.repeat(np.arange(len(offered)), np.diff(own.indptr))
        shared = own.data * profiles[owners[pairs], own.indices]
        cosine = np.bincount(pairs, shared, minlength=len(offered))
        np.divide(cosine, lengths, out=cosine, where=lengths > 0)
        values[:, 0] = np.where(lengths > 0, cosine, np.nan)
        latest = requests.latest(requests.weights > 0, HISTORY_LIMIT)
        best = self._best(own, owners, requests, latest)
        values[:, 1] = np.where(lengths > 0, best, np.nan)
        values[counts == 0, :2] = np.nan
        return values

    def _profiles(self, requests: Requests, liked: Rows) -> Floats:
        """Return (r, n_tags) the tags of each listener's tracks, weighed by how much they play."""
        worth = np.log1p(requests.weights[liked])
        shape = (len(requests), liked.size)
        plays = sp.csr_matrix((worth, (requests.owners[liked], np.arange(liked.size))), shape=shape)
        return np.asarray((plays @ self.tags[requests.rows[liked]]).toarray())

    def _best(
        self, own: sp.csr_matrix, owners: Rows, requests: Requests, latest: Rows
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return (n,) the best cosine to one track; 0 where none shares a tag.

        The tags of each request get columns of their own, so that one product compares every
        candidate with its own listener's tracks and with no others.
        """
        heard = self.tags[requests.rows[latest]]
        left = _shifted(own, owners, len(requests))
        right = _shifted(heard, requests.owners[latest], len(requests))
        pairs = sp.csr_matrix(left @ right.T)
        best = np.zeros(own.shape[0])
        some = np.flatnonzero(np.diff(pairs.indptr))
        if some.size:
            best[some] = np.maximum.reduceat(pairs.data, pairs.indptr[some])
        return best


def _shifted(tags: sp.csr_matrix, owners: Rows, n_requests: int) -> sp.csr_matrix:
    """Return the rows with the columns of their request."""
    width = tags.shape[1]
    moved = np.repeat(owners * width, np.diff(tags.indptr)) + tags.indices
    shape = (tags.shape[0], n_requests * width)
    return sp.csr_matrix((tags.data, moved, tags.indptr), shape=shape)
