"""The neighbours of a track: by how they sound, else by who listens to them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from ranking.model import NO_FLOATS, NO_ROWS, Floats, Rows
from service.feedset import FeedSet

Basis = Literal["audio", "listening", "none"]


class Neighbours(NamedTuple):
    """Tracks near one track, nearest first.

    Args:
        basis: What they are near by.
        rows: (k,) catalogue rows.
        scores: (k,) higher is nearer; cosines where the basis is audio.
    """

    basis: Basis
    rows: Rows
    scores: Floats


def neighbours_of(serving: FeedSet, row: int, size: int) -> Neighbours:
    """Return the nearest tracks that may be served.

    Args:
        serving: What is served now.
        row: The track.
        size: How many, at most.
    """
    if np.any(serving.learned.vectors[row] != 0):
        return Neighbours("audio", *_by_sound(serving, row, size))
    rows, scores = _by_listeners(serving, row, size)
    return Neighbours("listening" if rows.size else "none", rows, scores)


def _by_sound(serving: FeedSet, row: int, size: int) -> tuple[Rows, Floats]:
    query = np.asarray(serving.learned.vectors[row : row + 1], dtype=np.float32)
    allowed, indexed = _allowed(serving, row), len(serving.learned.index)
    limit = size
    while True:  # widened until enough of what was found may be served, or all was looked at
        limit = min(limit * 2 + 1, indexed)
        if not limit:
            return NO_ROWS, NO_FLOATS
        rows, scores = (found[0] for found in serving.learned.index.search(query, limit))
        kept = (rows >= 0) & allowed[rows]
        if np.count_nonzero(kept) >= size or limit == indexed:
            return rows[kept][:size], scores[kept][:size]


def _by_listeners(serving: FeedSet, row: int, size: int) -> tuple[Rows, Floats]:
    known = serving.learned.neighbours
    rows, scores = known.neighbours(row, len(serving.catalogue))
    kept = _allowed(serving, row)[rows] & (scores > 0)
    return rows[kept][:size], scores[kept][:size]


def _allowed(serving: FeedSet, row: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    allowed = serving.catalogue.servable.copy()
    allowed[serving.catalogue.clusters.with_copies(np.array([row], dtype=np.int64))] = False
    return allowed
