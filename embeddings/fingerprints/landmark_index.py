"""Which known tracks share landmarks with a fresh one: sorted postings, searched by halving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.fingerprints.alignment import Overlay
from embeddings.fingerprints.constellation import FRAMES_PER_S, Constellation
from embeddings.fingerprints.landmarks import QUERY_SKETCH, Sketch, sketches

SPEEDS = (1.0, 0.99, 1.01, 0.98, 1.02)
"""Speeds a fresh track is heard at; a hash bears half a percent more or less."""
MAX_SHIFT_S = 6.5  # five seconds may be cut off, and a decoder pads a little
VOTE_FRAMES = 6  # 140 ms: two neighbouring bins bear a shift that drifts with the speed
_TIME_BITS, _ROW_BITS = 14, 22
_MAX_ROWS = 1 << _ROW_BITS


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known track that may be the fresh one.

    Args:
        row: Which.
        votes: Landmarks that agree on the overlay.
        overlay: Of the fresh one over the known one.
    """

    row: int
    votes: int
    overlay: Overlay


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkIndex:
    """The landmarks of n known tracks.

    Args:
        postings: Ascending uint64: hash, row and frame side by side.
    """

    postings: NDArray[np.uint64]

    def candidates(self, peaks: Constellation, *, limit: int, min_votes: int) -> list[Candidate]:
        """Return the tracks most landmarks vote for, most votes first.

        Args:
            peaks: Of the fresh track.
            limit: At most so many.
            min_votes: At least so many landmarks must agree.
        """
        rows, shifts, speeds = self._hits(peaks)
        near = np.abs(shifts) <= MAX_SHIFT_S * FRAMES_PER_S
        rows, shifts, speeds = rows[near], shifts[near], speeds[near]
        return _elected(rows, shifts, speeds, limit, min_votes)

    def _hits(
        self, peaks: Constellation
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        """Return row, shift and number of the speed of every landmark that is known."""
        heard_at = sketches(peaks, QUERY_SKETCH, SPEEDS)
        wanted = np.concatenate([each.hashes for each in heard_at]).astype(np.uint64)
        heard = np.concatenate([each.frames * s for each, s in zip(heard_at, SPEEDS, strict=True)])
        speeds = np.repeat(np.arange(len(SPEEDS)), [len(each.hashes) for each in heard_at])
        shift = np.uint64(_TIME_BITS + _ROW_BITS)
        first = np.searchsorted(self.postings, wanted << shift)
        counts = np.searchsorted(self.postings, (wanted + np.uint64(1)) << shift) - first
        owner = np.repeat(np.arange(len(wanted)), counts)
        places = first[owner] + np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
        found = self.postings[places]
        frames = (found & np.uint64((1 << _TIME_BITS) - 1)).astype(np.float64)
        rows = (found >> np.uint64(_TIME_BITS)) & np.uint64(_MAX_ROWS - 1)
        return rows.astype(np.int64), frames - heard[owner], speeds[owner]


def build_landmark_index(known: Sequence[Sketch]) -> LandmarkIndex:
    """Index the landmarks of known tracks.

    Args:
        known: (n,) of each; row i of the index is the i-th.

    Raises:
        ValueError: If there are more than 2^22 tracks.
    """
    if len(known) > _MAX_ROWS:
        raise ValueError(f"{len(known)} tracks do not fit {_ROW_BITS} bits; build two indices")
    sizes = [len(each.hashes) for each in known]
    none = np.zeros(0, dtype=np.uint32)
    hashes = np.concatenate([none, *(each.hashes for each in known)]).astype(np.uint64)
    frames = np.concatenate([none, *(each.frames for each in known)]).astype(np.uint64)
    rows = np.repeat(np.arange(len(known), dtype=np.uint64), sizes)
    postings = (hashes << np.uint64(_TIME_BITS + _ROW_BITS)) | (rows << np.uint64(_TIME_BITS))
    postings |= frames
    postings.sort()
    return LandmarkIndex(postings)


def _elected(
    rows: NDArray[np.int64],
    shifts: NDArray[np.float64],
    speeds: NDArray[np.int64],
    limit: int,
    min_votes: int,
) -> list[Candidate]:
    """Count votes for one row, speed and shift; of each row return the best."""
    span = 1 << 8  # bins of a shift: 6.5 s either way are 94
    bins = np.floor(shifts / VOTE_FRAMES).astype(np.int64) + span // 2
    keys = (rows * len(SPEEDS) + speeds) * span + bins
    order = np.argsort(keys, kind="stable")
    distinct, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    beside = np.zeros_like(counts)
    adjacent = np.flatnonzero(np.diff(distinct) == 1)
    beside[adjacent] = counts[adjacent + 1]
    votes = counts + beside
    chosen: dict[int, Candidate] = {}
    for at in np.flatnonzero(votes >= min_votes)[
        np.argsort(-votes[votes >= min_votes], kind="stable")
    ]:
        row, speed = divmod(int(distinct[at]) // span, len(SPEEDS))
        if row not in chosen:
            voters = order[starts[at] : starts[at] + votes[at]]
            overlay = Overlay(SPEEDS[speed], float(np.median(shifts[voters])))
            chosen[row] = Candidate(row, int(votes[at]), overlay)
        if len(chosen) == limit:
            break
    return list(chosen.values())
