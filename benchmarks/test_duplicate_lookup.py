"""How fast copies are found: 1,000 fresh tracks against 100,000 known ones.

The promise is under a minute. Fingerprints are synthetic: peaks on the notes of a key, in two
octaves, and on the grid of a tempo, so that unrelated tracks share landmarks more than twice as
often as real ones do (0.95 a pair over the five speeds in 148 recordings of games, 1.0 in 134
tracks of the built-in world; the figure here is printed beside the time).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from core.database import Database, open_database
from core.schema import fingerprints
from embeddings.fingerprints.constellation import FRAMES_PER_S, Constellation
from embeddings.fingerprints.duplicates import DuplicateConfig, build_duplicate_index
from embeddings.fingerprints.envelope import MAX_STEPS, N_BANDS
from embeddings.fingerprints.fingerprint import VERSION, Fingerprint
from embeddings.fingerprints.landmark_index import SPEEDS
from embeddings.fingerprints.landmarks import QUERY_SKETCH, SKETCH, Sketch, sketch
from pipelines.duplicates import stored_fingerprints

N_KNOWN = 100_000
N_COMPOSED = 2_000  # the others mix their landmarks, so that hashes are as common as they are there
N_FRESH = 1_000  # half of them are copies
SECONDS = 120.0
N_PEAKS = 600
SCALE = np.array([0, 2, 4, 5, 7, 9, 11]) / 12


def composed(rng: np.random.Generator) -> Constellation:
    """Return peaks on the notes of a random key and on the grid of a random tempo."""
    slot = 15.0 / rng.uniform(70, 170) * FRAMES_PER_S  # a sixteenth
    slots = rng.integers(0, int(SECONDS * FRAMES_PER_S / slot) - 1, N_PEAKS)
    frames = np.sort(np.round(slots * slot + rng.normal(0, 0.5, N_PEAKS)).clip(0))
    notes = rng.choice(SCALE, N_PEAKS) + rng.integers(0, 2, N_PEAKS) + rng.integers(12) / 12
    return Constellation(frames, np.abs(notes + rng.normal(0, 0.001, N_PEAKS)))


def described(peaks: Constellation, rng: np.random.Generator) -> Fingerprint:
    levels = np.cumsum(rng.normal(0, 4, (MAX_STEPS, N_BANDS)), axis=0) + 180
    clipped = levels.clip(0, 255).astype(np.uint8)
    return Fingerprint(SECONDS, 14.0, peaks, sketch(peaks, SKETCH), clipped)


def copied(own: Fingerprint, rng: np.random.Generator) -> Fingerprint:
    """Return a copy, half a percent fast: a quarter of the peaks others, the rest moved a bit."""
    kept = rng.random(N_PEAKS) < 0.75
    strange = composed(rng)
    frames = np.append(own.peaks.frames[kept] / 1.005, strange.frames[~kept])
    pitches = np.append(own.peaks.pitches[kept] + np.log2(1.005), strange.pitches[~kept])
    order = np.argsort(frames, kind="stable")
    moved = np.round(frames[order] + rng.normal(0, 0.4, N_PEAKS)).clip(0)
    peaks = Constellation(np.sort(moved), pitches[order])
    return Fingerprint(SECONDS / 1.005, 14.0, peaks, sketch(peaks, SKETCH), own.levels)


def mixed(parts: list[Sketch], rng: np.random.Generator) -> Sketch:
    """Return landmarks of several tracks at places of their own."""
    each = SKETCH // len(parts)
    hashes = np.unique(np.concatenate([rng.choice(p.hashes, each, replace=False) for p in parts]))
    frames = rng.integers(0, int(SECONDS * FRAMES_PER_S), len(hashes))
    return Sketch(hashes.astype(np.uint32), frames.astype(np.uint16))


@pytest.fixture(scope="module")
def known() -> list[Fingerprint]:
    rng = np.random.default_rng(1)
    return [described(composed(rng), rng) for _ in range(N_COMPOSED)]


@pytest.fixture(scope="module")
def store(known: list[Fingerprint], tmp_path_factory: pytest.TempPathFactory) -> Database:
    rng = np.random.default_rng(2)
    path: Path = tmp_path_factory.mktemp("store") / "segue.db"
    database = open_database(f"sqlite:///{path}")
    rows = [_row(number, one.to_bytes()) for number, one in enumerate(known)]
    bodies = [(one, row["data"]) for one, row in zip(known, rows, strict=True)]
    for number in range(N_COMPOSED, N_KNOWN):
        own, data = bodies[int(rng.integers(N_COMPOSED))]
        parts = [known[row].landmarks for row in rng.integers(0, N_COMPOSED, 16)]
        rows.append(_row(number, _with_landmarks(own, data, mixed(parts, rng))))
    with database.write() as connection:
        connection.execute(sa.insert(fingerprints), rows)
    return database


def test_look_for_copies_of_fresh_tracks(
    benchmark: Any, known: list[Fingerprint], store: Database
) -> None:
    rng = np.random.default_rng(3)
    fresh = [copied(one, rng) for one in known[: N_FRESH // 2]]
    fresh += [described(composed(rng), rng) for _ in range(N_FRESH - len(fresh))]
    started = time.perf_counter()
    with store.read() as connection:
        stored = stored_fingerprints(connection)
    loaded = time.perf_counter()
    index = build_duplicate_index(stored)
    built = time.perf_counter()
    found: list[tuple[str, ...]] = []

    def run() -> None:
        config = DuplicateConfig()
        for number, one in enumerate(fresh):
            matches = index.matches(f"fresh{number}", one, config)
            found.append(tuple(match.known_id for match in matches))

    benchmark.pedantic(run, rounds=1)
    took = benchmark.stats.stats.total
    hits = sum(f"t{number}" in names for number, names in enumerate(found[: N_FRESH // 2]))
    others = sum(len(names) for names in found) - hits
    shared = np.mean([_shared(one, index.landmarks.postings) for one in fresh[-50:]]) / N_KNOWN
    print(
        f"\n{N_FRESH} fresh against {N_KNOWN:,}: {took:.1f} s; reading the store "
        f"{loaded - started:.1f} s, building the index {built - loaded:.1f} s "
        f"({index.landmarks.postings.nbytes / 1e6:.0f} MB); {hits} of {N_FRESH // 2} copies found, "
        f"{others} others; {shared:.2f} landmarks shared by chance with a known track"
    )


def _row(number: int, data: bytes) -> dict[str, Any]:
    return {"track_id": f"t{number}", "version": VERSION, "data": data}


def _with_landmarks(own: Fingerprint, data: bytes, landmarks: Sketch) -> bytes:
    """Return stored bytes with other landmarks, without compressing the rest again."""
    hashes = own.landmarks.hashes.copy()
    frames = own.landmarks.frames.copy()
    # A few hashes fewer where some were equal: those of the track itself fill up.
    hashes[: len(landmarks.hashes)] = landmarks.hashes[: len(hashes)]
    frames[: len(landmarks.frames)] = landmarks.frames[: len(frames)]
    at = data.index(own.landmarks.hashes.astype("<u4").tobytes())
    changed = hashes.astype("<u4").tobytes() + frames.astype("<u2").tobytes()
    return data[:at] + changed + data[at + len(changed) :]


def _shared(one: Fingerprint, postings: np.ndarray) -> int:
    """Return how many postings the landmarks of a track hit, at all speeds."""
    total = 0
    hashes = (postings >> np.uint64(36)).astype(np.uint32)
    for speed in SPEEDS:
        wanted = sketch(one.peaks, QUERY_SKETCH, speed).hashes
        first = np.searchsorted(hashes, wanted)
        total += int((np.searchsorted(hashes, wanted, "right") - first).sum())
    return total
