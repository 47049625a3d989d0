"""Retrieval: whether the tracks of a query's label are its nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEPTH = 10
_BLOCK_QUERIES = 512  # 512 queries x 50,000 tracks: 205 MB of cosines


@dataclass(frozen=True, slots=True, eq=False)
class Retrieved:
    """How well each query found the tracks of its label.

    Attributes:
        average_precision: (q,) in [0, 1].
        recall: (q,) tracks of the label among the first `DEPTH`, as a share of those that could
            stand there (at most `DEPTH`); in [0, 1].
    """

    average_precision: NDArray[np.float64]
    recall: NDArray[np.float64]


def retrieve(
    vectors: NDArray[np.floating],
    codes: NDArray[np.int64],
    queries: NDArray[np.int64],
    rng: np.random.Generator,
) -> Retrieved:
    """Rank every other track of a gallery by cosine for each query.

    Args:
        vectors: (n, dim) unit rows of the gallery.
        codes: (n,) their labels.
        queries: (q,) rows of the gallery to search with; each has another of its label there.
        rng: Orders tracks of equal cosine. Tracks of one label often stand side by side in a
            catalogue, so without it a constant vector would seem to find them.

    Source:
        Average precision after Manning, Raghavan and Schütze, "Introduction to Information
        Retrieval", 2008, section 8.4.
    """
    order = rng.permutation(len(codes))
    place = np.argsort(order)
    shuffled, labels = vectors[order], codes[order]
    parts = []
    for start in range(0, queries.size, _BLOCK_QUERIES):
        rows = place[queries[start : start + _BLOCK_QUERIES]]
        cosines = shuffled[rows] @ shuffled.T
        cosines[np.arange(rows.size), rows] = -np.inf
        ranked = np.argsort(-cosines, axis=1, kind="stable")[:, :-1]  # the query itself is last
        parts.append(_judged(labels[ranked] == labels[rows, None]))
    if not parts:
        return Retrieved(np.empty(0), np.empty(0))
    return Retrieved(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def chance(codes: NDArray[np.int64], queries: NDArray[np.int64]) -> Retrieved:
    """Return what each query finds on average in a gallery of random order.

    A relevant track stands at rank k with probability R / N, and then (k - 1)(R - 1) / (N - 1)
    others stand before it, of R relevant ones among N.

    Args:
        codes: (n,) labels of the gallery.
        queries: (q,) rows of it.
    """
    others = len(codes) - 1
    relevant = np.array([(codes == codes[row]).sum() - 1 for row in queries], dtype=np.float64)
    harmonic = float((1.0 / np.arange(1, others + 1)).sum())
    following = (relevant - 1) / max(others - 1, 1)
    precision = (harmonic + (others - harmonic) * following) / others
    found = relevant * min(DEPTH, others) / others
    return Retrieved(precision, found / np.minimum(relevant, DEPTH))


def _judged(hits: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return average precision and recall of (q, n - 1) ranked hits."""
    relevant = hits.sum(axis=1)
    ranks = np.arange(1, hits.shape[1] + 1)
    precision = np.where(hits, hits.cumsum(axis=1) / ranks, 0.0)
    found = hits[:, :DEPTH].sum(axis=1)
    return precision.sum(axis=1) / relevant, found / np.minimum(relevant, DEPTH)
