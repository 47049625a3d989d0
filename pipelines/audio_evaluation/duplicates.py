"""How well near-duplicates are found: copies made by real transformations, and false merges."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.errors import AudioDecodeError
from core.randomness import generator
from embeddings.audio.container import Samples
from embeddings.audio.waveform import decode
from embeddings.fingerprints.duplicates import (
    DuplicateConfig,
    DuplicateIndex,
    Hear,
    Match,
    build_duplicate_index,
)
from embeddings.fingerprints.fingerprint import LIMIT_S, Fingerprint, fingerprint_file
from embeddings.vectors import TrackVectors
from pipelines.audio_evaluation.intervals import wilson
from pipelines.audio_evaluation.remixes import Remix, RemixResult, remix_results
from pipelines.audio_evaluation.sameness import waveform_correlation
from pipelines.audio_evaluation.transformations import (
    TRANSFORMATIONS,
    Transformation,
    read_sound,
    write_sound,
)
from pipelines.duplicates import read_in_threads
from pipelines.job import Progress, Report
from ranking.evaluation.intervals import Estimate

SAME_WAVEFORM = 0.9
"""Correlation of aligned samples from which two files hold one recording, whatever they are called.

Two renditions of one score stay below 0.8 even where their bass is the same samples.
"""


class TransformationResult(BaseModel):
    """How many copies of one kind were found."""

    model_config = ConfigDict(frozen=True)

    transformation: str
    tracks: int
    """Copies that were made, one a track."""
    recall: Estimate
    """Share of them that were taken for their originals, with Wilson's interval."""
    required: float
    """What is promised; 0 where nothing is."""
    kbps: float
    """Mean bitrate of the files that were made."""
    missed: tuple[str, ...]
    """Tracks whose copies were not found."""


class MergedPair(BaseModel):
    """Two recordings of the catalogue that were taken for one."""

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    peaks: float
    """Share of peaks that both have."""
    levels: float
    """Mean over bands of the correlation of levels."""
    waveform: float
    """Median correlation of aligned samples, see `SAME_WAVEFORM`."""
    foreign: float | None
    """Share of energy in one that the other does not explain; None where they were not heard."""
    is_remix: bool
    """Whether one was made from the other, and they are two recordings whatever they sound like."""
    cosine: float | None
    """Of their audio vectors, where both have one."""


class DuplicatesReport(Report):
    """What the evaluation of near-duplicates found."""

    recordings: int
    """Those that could be read."""
    transformations: tuple[TransformationResult, ...]
    pairs: int
    """Pairs of different recordings."""
    merged: tuple[MergedPair, ...]
    """Those taken for one."""
    same_recordings: int
    """Those of the merged whose samples are the same, and of which neither is a remix."""
    false_merges: int
    """The others."""
    false_merge_rate: Estimate
    """Share of all pairs, with Wilson's interval."""
    remixes: tuple[RemixResult, ...]
    """Remixes and their parents: all of them, then by what was changed; empty where none is."""


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """The recordings, indexed, what a match needs to hear them again, and the remixes."""

    known: Mapping[str, Fingerprint]
    index: DuplicateIndex
    paths: Mapping[str, Path]
    config: DuplicateConfig
    remixes: tuple[Remix, ...]

    def hear(self, track_id: str) -> Samples:
        return decode(self.paths[track_id], LIMIT_S)


def evaluate_duplicates(
    paths: Sequence[Path],
    track_ids: Sequence[str],
    vectors: TrackVectors | None,
    seed: int,
    progress: Progress,
    *,
    sampled: int,
    config: DuplicateConfig | None = None,
    remixes: Sequence[Remix] = (),
    transformations: Mapping[str, Transformation] = TRANSFORMATIONS,
) -> DuplicatesReport:
    """Make copies of recordings and look for their originals; merge no two different ones.

    Args:
        paths: (n,) recordings.
        track_ids: (n,) their ids.
        vectors: Audio vectors, reported of pairs that were merged; None where there are none.
        seed: Draws the tracks that are copied and what a transformation leaves open.
        progress: Shows how far it is.
        sampled: Tracks copied by each transformation, at most.
        config: When two recordings are taken for one.
        remixes: Which tracks were made from which.
        transformations: Name → how copies are made.

    Returns:
        Recall by transformation, the rate of false merges over all pairs, and which remixes stayed
        apart from their parents.
    """
    read = zip(track_ids, read_in_threads(fingerprint_file, paths), strict=True)
    found = dict(progress.track(read, "fingerprinting", len(paths)))
    known = {name: one for name, one in found.items() if not isinstance(one, AudioDecodeError)}
    by_id = dict(zip(track_ids, paths, strict=True))
    stored = {name: one.to_bytes() for name, one in known.items()}
    trial = _Trial(
        known, build_duplicate_index(stored), by_id, config or DuplicateConfig(), tuple(remixes)
    )
    merged = [_described(match, trial, vectors) for match in _merged(trial, progress)]
    results = tuple(
        _recall(name, how, trial, _drawn(trial, name, sampled, seed), seed, progress)
        for name, how in transformations.items()
    )
    same = sum(pair.waveform >= SAME_WAVEFORM and not pair.is_remix for pair in merged)
    taken_for_one = {frozenset((pair.first, pair.second)) for pair in merged}
    pairs = len(known) * (len(known) - 1) // 2
    return DuplicatesReport(
        recordings=len(known),
        transformations=results,
        pairs=pairs,
        merged=tuple(merged),
        same_recordings=same,
        false_merges=len(merged) - same,
        false_merge_rate=wilson(len(merged) - same, pairs),
        remixes=remix_results(remixes, known, taken_for_one),
    )


def _merged(trial: _Trial, progress: Progress) -> Iterator[Match]:
    """Yield each pair of the catalogue that is taken for one, once."""
    seen: set[frozenset[str]] = set()
    for track_id, own in progress.track(trial.known.items(), "comparing pairs", len(trial.known)):
        for match in trial.index.matches(track_id, own, trial.config, trial.hear):
            pair = frozenset((match.track_id, match.known_id))
            if pair not in seen:
                seen.add(pair)
                yield match


def _described(match: Match, trial: _Trial, vectors: TrackVectors | None) -> MergedPair:
    one, other = trial.hear(match.track_id), trial.hear(match.known_id)
    pair = frozenset((match.track_id, match.known_id))
    return MergedPair(
        first=match.track_id,
        second=match.known_id,
        peaks=match.agreement.peaks,
        levels=match.agreement.levels,
        waveform=waveform_correlation(one, other),
        foreign=match.foreign if match.was_heard else None,
        is_remix=any(remix.pair == pair for remix in trial.remixes),
        cosine=None if vectors is None else _cosine(vectors, match.track_id, match.known_id),
    )


def _cosine(vectors: TrackVectors, one: str, other: str) -> float | None:
    rows: NDArray[np.float32] = vectors.aligned((one, other))
    return float(rows[0] @ rows[1]) if rows.any(axis=1).all() else None


def _drawn(trial: _Trial, name: str, sampled: int, seed: int) -> list[str]:
    names = trial.index.track_ids
    rng = generator(seed, "duplicates", name)
    rows = rng.choice(len(names), min(sampled, len(names)), replace=False)
    return [names[row] for row in np.sort(rows)]


def _recall(
    name: str, how: Transformation, trial: _Trial, tracks: list[str], seed: int, progress: Progress
) -> TransformationResult:
    def attempt(track_id: str) -> tuple[bool, float]:
        rng = generator(seed, "duplicates", name, track_id)
        return _is_found(track_id, how, trial, rng)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        outcomes = list(progress.track(pool.map(attempt, tracks), f"copies: {name}", len(tracks)))
    missed = tuple(name for name, (hit, _) in zip(tracks, outcomes, strict=True) if not hit)
    return TransformationResult(
        transformation=name,
        tracks=len(tracks),
        recall=wilson(len(tracks) - len(missed), len(tracks)),
        required=how.required,
        kbps=float(np.mean([kbps for _, kbps in outcomes])) if outcomes else float("nan"),
        missed=missed,
    )


def _is_found(
    track_id: str, how: Transformation, trial: _Trial, rng: np.random.Generator
) -> tuple[bool, float]:
    """Write a copy, and return whether its original is found, and the bitrate of the copy."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"copy.{how.coding.container.lower()}"
        kbps = write_sound(path, how.apply(read_sound(trial.paths[track_id]), rng), how.coding)
        hear = _hear_copy(path, trial)
        found = trial.index.matches("", fingerprint_file(path), trial.config, hear)
    return track_id in {match.known_id for match in found}, kbps


def _hear_copy(path: Path, trial: _Trial) -> Hear:
    return lambda name: decode(path, LIMIT_S) if name == "" else trial.hear(name)
