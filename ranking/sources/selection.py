"""Choosing the best of many: the step every source ends with."""

from __future__ import annotations

import numpy as np

from ranking.model import NO_ROWS, Floats, Rows


def best_rows(scores: Floats, limit: int) -> Rows:
    """Return the rows of the largest scores, best first, ties by row.

    Args:
        scores: (n,) one a catalogue row; -inf where a track must not be offered.
        limit: At most this many.

    Returns:
        (k,) rows, k ≤ limit.
    """
    size = min(limit, int(np.count_nonzero(scores > -np.inf)))
    if size <= 0:
        return NO_ROWS
    # Partitioning names the threshold only: which of several equal scores it leaves above the cut
    # depends on the order of the array.
    threshold = np.partition(scores, scores.size - size)[scores.size - size]
    above = np.flatnonzero(scores > threshold)
    level = np.flatnonzero(scores == threshold)[: size - above.size]
    rows = np.concatenate([above, level]).astype(np.int64)
    return np.asarray(rows[np.lexsort((rows, -scores[rows]))])


def best_of(rows: Rows, scores: Floats, limit: int) -> tuple[Rows, Floats]:
    """Return the best of some rows with their scores, best first, ties by row.

    Args:
        rows: (m,) distinct rows.
        scores: (m,) theirs.
        limit: At most this many.
    """
    order = np.lexsort((rows, -scores))[: max(limit, 0)]
    return rows[order], scores[order]
