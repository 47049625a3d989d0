"""How well a candidate's tags fit the tags of what the listener plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from embeddings.runs import spans
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
        own = _entries(self.tags, offered.rows)
        values = np.full((len(offered), len(self.names)), np.nan, dtype=np.float32)
        values[:, 2] = np.diff(own.starts)
        liked = np.flatnonzero(requests.weights > 0)
        if not liked.size or not own.tags.size:
            return values
        profiles = self._profiles(requests, liked)
        owners = offered.owners
        lengths = np.sqrt(np.einsum("rt,rt->r", profiles, profiles))[owners]
        shared = own.weights * profiles[owners[own.owners], own.tags]
        cosine = np.bincount(own.owners, shared, minlength=len(offered))
        np.divide(cosine, lengths, out=cosine, where=lengths > 0)
        values[:, 0] = np.where(lengths > 0, cosine, np.nan)
        latest = requests.latest(requests.weights > 0, HISTORY_LIMIT)
        best = self._best(own, owners, requests, latest)
        values[:, 1] = np.where(lengths > 0, best, np.nan)
        values[values[:, 2] == 0, :2] = np.nan
        return values

    def _profiles(self, requests: Requests, liked: Rows) -> NDArray[np.float64]:
        """Return (r, n_tags) the tags of each listener's tracks, weighed by how much they play."""
        heard = _entries(self.tags, requests.rows[liked])
        worth = np.log1p(requests.weights[liked])[heard.owners] * heard.weights
        shape = len(requests), self.tags.shape[1]
        places = requests.owners[liked][heard.owners] * shape[1] + heard.tags
        total = np.bincount(places, worth.astype(np.float64), minlength=shape[0] * shape[1])
        return np.asarray(total, dtype=np.float64).reshape(shape)

    def _best(
        self, own: _Entries, owners: Rows, requests: Requests, latest: Rows
    ) -> NDArray[np.float64]:
        """Return (n,) the best cosine to one track; 0 where none shares a tag.

        The tags of each request get columns of their own, so that one product compares every
        candidate with its own listener's tracks and with no others.
        """
        heard = _entries(self.tags, requests.rows[latest])
        width = len(requests) * self.tags.shape[1]
        left = self._shifted(own, owners, width)
        right = self._shifted(heard, requests.owners[latest], width)
        pairs = sp.csr_matrix(left @ right.T.tocsr())
        best = np.zeros(owners.size)
        some = np.flatnonzero(np.diff(pairs.indptr))
        if some.size:
            best[some] = np.maximum.reduceat(pairs.data, pairs.indptr[some])
        return best

    def _shifted(self, entries: _Entries, requests: Rows, width: int) -> sp.csr_matrix:
        """Return the entries as rows whose columns are those of their request."""
        columns = requests[entries.owners] * self.tags.shape[1] + entries.tags
        shape = (entries.starts.size - 1, width)
        return sp.csr_matrix((entries.weights, columns, entries.starts), shape=shape)


class _Entries(NamedTuple):
    """The tags of several tracks end to end.

    Args:
        starts: (n + 1,) where each track's begin.
        owners: (k,) the track of each.
        tags: (k,) columns.
        weights: (k,).
    """

    starts: Rows
    owners: Rows
    tags: Rows
    weights: Floats


def _entries(tags: sp.csr_matrix, rows: Rows) -> _Entries:
    low = tags.indptr[rows]
    counts = tags.indptr[rows + 1] - low
    at = spans(low, counts)
    starts = np.concatenate([[0], np.cumsum(counts)])
    owners = np.repeat(np.arange(rows.size), counts)
    return _Entries(starts, owners, tags.indices[at].astype(np.int64), tags.data[at])
