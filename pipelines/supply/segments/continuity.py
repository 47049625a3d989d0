"""Continuity: a segment keeps its name from day to day, though the space is learned anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.ids import Ids
from pipelines.supply.segments.artifact import Segments
from pipelines.supply.segments.cutting import NOWHERE, centroids, nearest
from ranking.model import Floats, Rows

SAME = 0.3  # overlap (Jaccard) of tracks from which a segment is the one it was


class Carried(NamedTuple):
    """New segments under lasting names.

    Args:
        ids: (k,) name of each new segment.
        churn: Share of the tracks known to both that changed segments by name.
    """

    ids: tuple[str, ...]
    churn: float


def carried(
    before: tuple[Sequence[str], Sequence[str]],
    track_ids: Sequence[str],
    segments: Rows,
    next_number: int,
) -> Carried:
    """Name segments after those they overlap most with; the others get numbers never used.

    Segments are matched by their tracks, not by where their centroids lie: vectors and factors
    that were trained anew turn the space, and leave the tracks together.

    Args:
        before: Track ids, and beside each the name of the segment it belonged to.
        track_ids: (n,) tracks now.
        segments: (n,) their new segments, from 0, or negative.
        next_number: Smallest number that no name has had.

    Returns:
        The names, one to one by the assignment of greatest total overlap.
    """
    count = int(segments.max(initial=-1)) + 1
    old_names = sorted(set(before[1]))
    overlap = _overlap(before, old_names, track_ids, segments, count)
    rows, columns = linear_sum_assignment(-overlap)
    kept = {
        int(row): old_names[column]
        for row, column in zip(rows, columns, strict=True)
        if overlap[row, column] >= SAME
    }
    ids = []
    for row in range(count):
        if row not in kept:
            kept[row], next_number = f"segment-{next_number:04d}", next_number + 1
        ids.append(kept[row])
    return Carried(ids=tuple(ids), churn=_churn(before, track_ids, segments, ids))


class Grown(NamedTuple):
    """The segments of before, with the tracks of now.

    Args:
        ids: (k,) their names.
        members: (n,) row of each track's segment; negative where nothing is known of it.
    """

    ids: tuple[str, ...]
    members: Rows


def grown(before: Segments, track_ids: Sequence[str], points: Floats) -> Grown:
    """Leave tracks in their segments; new ones join the segment whose tracks they are nearest to.

    Args:
        before: The segments.
        track_ids: (n,) tracks now, one of them in a segment at least.
        points: (n, d) where they lie in the taste space of now.

    Returns:
        The segments that still have tracks.
    """
    rows = Ids(before.track_ids).rows(track_ids)
    members = np.where(rows >= 0, before.members[rows], NOWHERE)
    used, inside = np.unique(members[members >= 0], return_inverse=True)
    members[members >= 0] = inside
    new = np.flatnonzero(members == NOWHERE)
    members[new] = nearest(points[new], centroids(points, members))
    return Grown(ids=tuple(before.ids[row] for row in used), members=members)


def number_of(segment_id: str) -> int:
    """Return the number in a segment's name."""
    return int(segment_id.rpartition("-")[2])


def _overlap(
    before: tuple[Sequence[str], Sequence[str]],
    old_names: Sequence[str],
    track_ids: Sequence[str],
    segments: Rows,
    count: int,
) -> np.ndarray:
    """Return (k, j) Jaccard overlap of new segments with old ones."""
    at = Ids(track_ids).rows(before[0])
    old = Ids(old_names).rows(before[1])
    both = at >= 0
    new = segments[at[both]]
    inside = new >= 0
    shared = np.zeros((count, len(old_names)))
    np.add.at(shared, (new[inside], old[both][inside]), 1.0)
    of_new = np.bincount(segments[segments >= 0], minlength=count)[:, None]
    of_old = np.bincount(old, minlength=len(old_names))[None, :]
    return np.asarray(shared / np.maximum(of_new + of_old - shared, 1.0))


def _churn(
    before: tuple[Sequence[str], Sequence[str]],
    track_ids: Sequence[str],
    segments: Rows,
    ids: Sequence[str],
) -> float:
    now = {name: ids[row] for name, row in zip(track_ids, segments, strict=True) if row >= 0}
    pairs = [(old, now[name]) for name, old in zip(*before, strict=True) if name in now]
    return sum(old != new for old, new in pairs) / len(pairs) if pairs else 0.0
