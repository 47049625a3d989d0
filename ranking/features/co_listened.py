"""How often a candidate is heard by those who hear what this listener hears."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from embeddings.collaborative.neighbours import ItemNeighbours
from embeddings.runs import spans
from ranking.features.batch import Offered, Requests
from ranking.model import Floats, Rows

STRONGEST = 3  # a few close neighbours say more than many faint ones
HISTORY_LIMIT = 500  # tracks of a listener compared
_HELD = 1 << 18  # numbers held at a time: 1 MB, which a core keeps close


@dataclass(frozen=True, slots=True, eq=False)
class CoListenedAffinity:
    """Similarity of a candidate to the listener's history: sum, weighted sum, best, best three.

    Args:
        neighbours: In catalogue rows.
        inward: (n, n) csr, row t holds the tracks that have t among their neighbours.
    """

    neighbours: ItemNeighbours
    inward: sp.csr_matrix = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inward", self.neighbours.similarity.T.tocsr())

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("knn_sum", "knn_weighted", "knn_max", "knn_top3", "knn_links")

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 5); zeros where nothing in the history is a neighbour."""
        values = np.zeros((len(offered), len(self.names)), dtype=np.float32)
        liked = requests.latest(requests.weights > 0, HISTORY_LIMIT)
        if not liked.size or not len(offered):
            return values
        worth = np.log1p(requests.weights[liked])
        bounds = np.searchsorted(liked, requests.starts)
        total = np.bincount(requests.owners[liked], worth, minlength=len(requests))
        owner, near, weight = self._links(requests.rows[liked], worth, bounds, offered)
        if not owner.size:
            return values
        size = len(offered)
        values[:, 0] = np.bincount(owner, near, minlength=size)
        weighed = np.bincount(owner, near * weight, minlength=size)
        values[:, 1] = weighed / np.maximum(total[offered.owners], 1e-12)
        linked, first = np.unique(owner, return_index=True)
        values[linked, 2] = np.maximum.reduceat(near, first)
        compared = np.minimum(np.diff(bounds)[offered.owners[linked]], STRONGEST)
        values[linked, 3] = strongest_sums(near, first, STRONGEST) / compared
        values[:, 4] = np.log1p(np.bincount(owner, minlength=size))
        return values

    def _links(
        self, rows: Rows, worth: Floats, bounds: Rows, offered: Offered
    ) -> tuple[Rows, Floats, Floats]:
        """Return (candidate, similarity, worth) of each pair of a candidate and its history."""
        n_tracks = len(self.neighbours.track_ids)
        step = max(1, min(len(bounds) - 1, _HELD // max(n_tracks, 1)))
        held = np.zeros(step * n_tracks, dtype=np.float32)
        starts, others, data = self.inward.indptr, self.inward.indices, self.inward.data
        owners = offered.owners
        found: list[tuple[Rows, Floats, Floats]] = []
        for first in range(0, len(bounds) - 1, step):
            last = min(first + step, len(bounds) - 1)
            mine = slice(bounds[first], bounds[last])
            sizes = np.diff(bounds[first : last + 1])
            shelf = rows[mine] + np.repeat(np.arange(last - first) * n_tracks, sizes)
            held[shelf] = worth[mine]
            part = slice(offered.starts[first], offered.starts[last])
            asked = offered.rows[part]
            low, counts = starts[asked], starts[asked + 1] - starts[asked]
            at = spans(low, counts)
            weight = held[others[at] + np.repeat((owners[part] - first) * n_tracks, counts)]
            hit = np.flatnonzero(weight)
            owner = np.repeat(np.arange(part.start, part.stop), counts)[hit]
            found.append((owner, data[at[hit]], weight[hit]))
            held[shelf] = 0.0
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32)
        owners, near, weights = (np.concatenate(parts) for parts in zip(*found, strict=True))
        positive = near > 0
        return owners[positive], near[positive], weights[positive]


def strongest_sums(values: Floats, first: Rows, count: int) -> NDArray[np.float64]:
    """Return the sum of the greatest `count` values of each run.

    Args:
        values: (k,) > 0.
        first: (g,) where each run begins, ascending from 0.
        count: How many.
    """
    left = values.astype(np.float64)
    sizes = np.diff(np.append(first, values.size))
    total, open_places = np.zeros(first.size), np.full(first.size, float(count))
    for _ in range(count):
        best = np.maximum.reduceat(left, first)
        is_best = left == np.repeat(best, sizes)
        taken = np.minimum(np.add.reduceat(is_best.astype(np.float64), first), open_places)
        total += taken * best
        open_places -= taken
        left[is_best] = 0.0
    return total
