"""Landmarks: triples of neighbouring peaks hashed into one number, and a sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.fingerprints.constellation import CELLS_PER_OCTAVE, Constellation

HASH_BITS = 28
NEAREST, FARTHEST = 3, 70  # frames from the first peak to the others: 70 ms to 1.6 s
WIDEST = 1.0  # octaves from the first peak to the others
TARGETS = 5  # later peaks that the first is joined with: 10 triples
TIME_STEP = 3.0  # frames, 70 ms: a peak moves by one under coding and noise
SKETCH = 256  # hashes kept of a track, 1.5 kB
QUERY_SKETCH = 512  # sought of a fresh one: trimming lets other hashes be among the smallest
_MIX = np.uint64(0x9E37_79B9_7F4A_7C15)  # 2^64 over the golden ratio (Knuth, volume 3, 6.4)
_LOOKAHEAD = 60  # peaks searched for targets; at full density 1.6 s hold 26


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """The smallest hashes of a track, ascending and distinct: a sample that copies agree on.

    Args:
        hashes: (k,) uint32 below 2^`HASH_BITS`.
        frames: (k,) uint16, where each first peak stands.

    Source:
        Broder, "On the resemblance and containment of documents", 1997, for bottom-k sampling.
    """

    hashes: NDArray[np.uint32]
    frames: NDArray[np.uint16]


def sketch(peaks: Constellation, size: int, speed: float = 1.0) -> Sketch:
    """Return the landmarks of a recording, see `sketches`."""
    return sketches(peaks, size, (speed,))[0]


def sketches(peaks: Constellation, size: int, speeds: Sequence[float]) -> list[Sketch]:
    """Return the landmarks of a recording as they would be at other speeds.

    Args:
        peaks: Its constellation.
        size: How many hashes to keep at each.
        speeds: The recording is heard as if it had been played this much too fast and were slowed
            down: times grow by it, pitches fall by it; `frames` stay its own.
    """
    triples = _triples(peaks)
    found = []
    for speed in speeds:
        smallest, first = np.unique(_hashed(peaks, triples, speed), return_index=True)
        anchors = triples[0, first[:size]]
        found.append(Sketch(smallest[:size], peaks.frames[anchors].astype(np.uint16)))
    return found


def _triples(peaks: Constellation) -> NDArray[np.int64]:
    """Return (3, m) rows of the peaks of each landmark, in order of time."""
    targets = _targets(peaks)
    columns = [(a, b) for a in range(TARGETS) for b in range(a + 1, TARGETS)]
    anchors = np.tile(np.arange(len(peaks)), len(columns))
    near = np.concatenate([targets[:, a] for a, _ in columns])
    far = np.concatenate([targets[:, b] for _, b in columns])
    return np.stack([anchors, near, far])[:, far >= 0]


def _hashed(peaks: Constellation, triples: NDArray[np.int64], speed: float) -> NDArray[np.uint32]:
    times = peaks.frames * (speed / TIME_STEP)
    cells = (peaks.pitches - np.log2(speed)) * CELLS_PER_OCTAVE
    anchors = triples[0]
    code = _rounded(cells[anchors]) & 127
    for others in triples[1:]:
        code = code * 64 + (_rounded(cells[others] - cells[anchors]) + 32)
        code = code * 32 + _rounded(times[others] - times[anchors])
    mixed = (code.astype(np.uint64) * _MIX) >> np.uint64(64 - HASH_BITS)
    return mixed.astype(np.uint32)


def _targets(peaks: Constellation) -> NDArray[np.int64]:
    """Return (n, TARGETS) the next peaks within reach of each; -1 where there are fewer."""
    n = len(peaks)
    targets = np.full((n, TARGETS), -1, dtype=np.int64)
    counts = np.zeros(n, dtype=np.int64)
    for step in range(1, min(_LOOKAHEAD, n)):
        ahead = peaks.frames[step:] - peaks.frames[:-step]
        apart = np.abs(peaks.pitches[step:] - peaks.pitches[:-step])
        within = (ahead >= NEAREST) & (ahead <= FARTHEST) & (apart <= WIDEST)
        rows = np.flatnonzero(within & (counts[:-step] < TARGETS))
        targets[rows, counts[rows]] = rows + step
        counts[rows] += 1
    return targets


def _rounded(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.floor(values + 0.5).astype(np.int64)
