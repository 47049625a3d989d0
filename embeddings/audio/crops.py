"""The spectrogram crops of a set of recordings; a bad file is listed and the rest goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import AudioDecodeError
from embeddings.audio.configuration import EncoderConfig
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
    """

    track_ids: tuple[str, ...]
    values: NDArray[np.float16]
    failures: tuple[Failure, ...]


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
    shape = (len(paths), config.n_crops, config.crop_frames, N_MELS)
    values = np.empty(shape, dtype=np.float16)
    kept: list[int] = []
    failures: list[Failure] = []

    def fill(row: int) -> AudioDecodeError | None:
        try:
            waves = read_crops(paths[row], config.n_crops, config.crop_s)
        except AudioDecodeError as error:
            return error
        for crop, wave in enumerate(waves):
            values[row, crop] = log_mel(wave)
        return None

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for row, error in enumerate(pool.map(fill, range(len(paths)))):
            if error is None:
                kept.append(row)
            else:
                failures.append((track_ids[row], error.reason))
            if progress is not None:
                progress(row + 1, len(paths))
    whole = values if len(kept) == len(paths) else values[kept]
    return TrackCrops(tuple(track_ids[row] for row in kept), whole, tuple(failures))
