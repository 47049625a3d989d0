"""The spectrogram crops of a set of recordings; a bad file is listed and the rest goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import AudioDecodeError
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.reencoding import CODECS, reencoded
from embeddings.audio.spectrogram import N_MELS, log_mel
from embeddings.audio.waveform import read_crops

Failure = tuple[str, str]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class TrackCrops:
    """Crops of the tracks that could be read.

    Attributes:
        track_ids: (n,) ids.
        values: (n, n_crops, frames, N_MELS) float16 log mel power: its steps of 0.008 are under
            a tenth of a decibel, and a catalogue takes half the memory.
        failures: (track id, reason) of each that could not.
        lossy_rows: (m,) rows of the tracks of which a crop was also heard through a codec.
        lossy_crops: (m,) which crop of each.
        lossy: (m, frames, N_MELS) float16, what was heard.
    """

    track_ids: tuple[str, ...]
    values: NDArray[np.float16]
    failures: tuple[Failure, ...]
    lossy_rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    lossy_crops: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    lossy: NDArray[np.float16] = field(default_factory=lambda: np.empty((0, 0, N_MELS), np.float16))

    def chosen(self, rows: NDArray[np.int64]) -> TrackCrops:
        """Return the crops of some of the tracks, in the order of (k,) distinct rows."""
        place = np.full(len(self.values), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        lossy_rows = place[self.lossy_rows]
        return TrackCrops(
            tuple(self.track_ids[row] for row in rows),
            self.values[rows],
            self.failures,
            lossy_rows[lossy_rows >= 0],
            self.lossy_crops[lossy_rows >= 0],
            self.lossy[lossy_rows >= 0],
        )


def read_track_crops(
    paths: Sequence[Path],
    track_ids: Sequence[str],
    config: EncoderConfig,
    *,
    threads: int = 0,
    progress: Progress | None = None,
) -> TrackCrops:
    """Decode files and keep their spectrogram crops.

    Args:
        paths: (n,) files.
        track_ids: (n,) ids of the same tracks.
        config: How many crops, and how long.
        threads: Decoding threads (libsndfile and the transform release the interpreter); 0 means
            one a core. The result does not depend on it.
        progress: Called with (files read, files in all).

    Returns:
        The crops in the order of the ids, without the failed ones.
    """
    n, shape = len(paths), (config.crop_frames, N_MELS)
    values = np.empty((n, config.n_crops, *shape), dtype=np.float16)
    squeezed = _evenly(n, config.reencoded_tracks)
    lossy = np.empty((len(squeezed), *shape), dtype=np.float16)
    squeezed_crops = np.arange(len(squeezed)) % config.n_crops
    place = {int(row): number for number, row in enumerate(squeezed)}
    kept = np.zeros(n, dtype=np.bool_)
    failures: list[Failure] = []

    def fill(row: int) -> AudioDecodeError | None:
        try:
            waves = read_crops(paths[row], config.n_crops, config.crop_s)
        except AudioDecodeError as error:
            return error
        for crop, wave in enumerate(waves):
            values[row, crop] = log_mel(wave)
        if (number := place.get(row)) is not None:
            codec = CODECS[number % len(CODECS)]
            lossy[number] = log_mel(reencoded(waves[squeezed_crops[number]], codec))
        return None

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for row, error in enumerate(pool.map(fill, range(n))):
            kept[row] = error is None
            if error is not None:
                failures.append((track_ids[row], error.reason))
            if progress is not None:
                progress(row + 1, n)
    crops = TrackCrops(tuple(track_ids), values, tuple(failures), squeezed, squeezed_crops, lossy)
    return crops if kept.all() else crops.chosen(np.flatnonzero(kept))


def _evenly(n: int, count: int) -> NDArray[np.int64]:
    """Return at most `count` of n rows, evenly spread."""
    count = min(n, count)
    return np.arange(count, dtype=np.int64) * n // max(count, 1)
