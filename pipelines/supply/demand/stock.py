"""Stock: how many unheard, eligible, well-liked tracks each listener has left in each segment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipelines.supply.demand.liking import Liking, Pairs
from ranking.model import Floats, Rows

BLOCK_CELLS = 32_000_000  # inner products held at once by a thread: 128 MB


@dataclass(frozen=True, slots=True, eq=False)
class Shelves:
    """What may be heard by whom.

    Args:
        members: (n,) segment of each track; negative where it may not be heard by anyone.
        kinds: (n,) int which kind a track is, from 0.
        allows: (u, kinds) whether a listener lets tracks of a kind appear.
    """

    members: Rows
    kinds: Rows
    allows: NDArray[np.bool_]


def stock(liking: Liking, pairs: Pairs, shelves: Shelves, count: int, threads: int = 1) -> Floats:
    """Count unheard, eligible, well-liked tracks.

    Args:
        liking: Of u listeners and n tracks.
        pairs: What they heard.
        shelves: What they may hear.
        count: Segments, k.
        threads: Blocks of listeners counted side by side.

    Returns:
        (u, k) float32.
    """
    n_kinds = shelves.allows.shape[1]
    shelf = np.where(shelves.members >= 0, shelves.members * n_kinds + shelves.kinds, -1)
    order = np.argsort(shelf, kind="stable")
    order = order[shelf[order] >= 0]
    edges = np.searchsorted(shelf[order], np.arange(count * n_kinds + 1))
    tracks = np.ascontiguousarray(liking.tracks[order].T)
    users = len(liking.listeners)
    found = np.zeros((users, count), dtype=np.float32)
    height = max(1, BLOCK_CELLS // max(tracks.shape[1], 1))

    def count_block(first: int) -> None:
        last = min(first + height, users)
        good = liking.listeners[first:last] @ tracks >= liking.good
        left = np.zeros((last - first, count * n_kinds), dtype=np.float32)
        for cell in np.flatnonzero(np.diff(edges)):
            left[:, cell] = np.count_nonzero(good[:, edges[cell] : edges[cell + 1]], axis=1)
        left -= _heard(liking, pairs, shelf, first, last, count * n_kinds)
        np.maximum(left, 0.0, out=left)  # rounding may put one on the other side of the limit
        allowed = left.reshape(-1, count, n_kinds) * shelves.allows[first:last, None, :]
        found[first:last] = allowed.sum(axis=2)

    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(count_block, range(0, users, height)))
    return found


def _heard(liking: Liking, pairs: Pairs, shelf: Rows, first: int, last: int, cells: int) -> Floats:
    """Return (last - first, cells) how many well-liked tracks listeners have heard already."""
    start, stop = int(pairs.starts[first]), int(pairs.starts[last])
    tracks = pairs.tracks[start:stop]
    lengths = np.diff(pairs.starts[first : last + 1])
    rows = np.repeat(np.arange(last - first), lengths)
    liked = np.einsum("ij,ij->i", liking.listeners[first:last][rows], liking.tracks[tracks])
    counted = (liked >= liking.good) & (shelf[tracks] >= 0)
    at = rows[counted] * cells + shelf[tracks[counted]]
    return np.bincount(at, minlength=(last - first) * cells).reshape(-1, cells).astype(np.float32)
