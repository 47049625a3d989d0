"""Embedding recordings: each worker carries one from its file to its vector."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import AudioDecodeError, DataError
from embeddings.audio.crops import Failure, Progress, TrackCrops
from embeddings.audio.embedder import AudioEmbedder, MelEncoder
from embeddings.audio.waveform import read_crops
from embeddings.vectors import TrackVectors, unit_rows


def embed_files(
    paths: Sequence[Path],
    track_ids: Sequence[str],
    embedder: AudioEmbedder,
    *,
    threads: int = 0,
    progress: Progress | None = None,
) -> tuple[TrackVectors, list[Failure]]:
    """Embed recordings; one that cannot be read is listed and the rest goes on.

    While one worker decodes, another computes: libsndfile, soxr, the transform and ONNX Runtime
    all release the interpreter, and a network on the crops of one recording is as fast a crop as
    on those of ten. Nothing is queued between stages, so memory is one recording's crops a worker.

    Args:
        paths: (n,) files.
        track_ids: (n,) distinct ids of the same tracks.
        embedder: Our encoder or a foreign one.
        threads: Workers; 0 means one a core. The result does not depend on it.
        progress: Called with (files done, files in all).

    Returns:
        The vectors of the readable tracks in their order, and (track id, reason) of the others.

    Raises:
        ValueError: If there is not one id for each path.
        DataError: If an id stands twice.
    """
    _check_ids(paths, track_ids)
    kept: list[int] = []
    values = np.empty((len(paths), embedder.dim), dtype=np.float32)
    failures: list[Failure] = []
    pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)
    try:
        found = pool.map(lambda path: _embedded(path, embedder), paths)
        for row, vector in enumerate(found):
            if isinstance(vector, str):
                failures.append((track_ids[row], vector))
            else:
                values[row] = vector
                kept.append(row)
            if progress is not None:
                progress(row + 1, len(paths))
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupted batch ends with what is being read
    return TrackVectors(tuple(track_ids[row] for row in kept), values[kept]), failures


def embed_crops(crops: TrackCrops, encoder: MelEncoder) -> TrackVectors:
    """Embed tracks whose crops were read already, for instance to train.

    Args:
        crops: Crops cut as the encoder's config says.
        encoder: A trained encoder.

    Returns:
        One vector a track: the normalised mean of its crops' vectors.
    """
    n, n_crops = crops.values.shape[:2]
    rows = encoder.embed(crops.values.reshape(n * n_crops, *crops.values.shape[2:]))
    means = rows.reshape(n, n_crops, rows.shape[1]).mean(axis=1)
    return TrackVectors(crops.track_ids, unit_rows(means))


def _embedded(path: Path, embedder: AudioEmbedder) -> NDArray[np.float32] | str:
    """Return a recording's vector, or why it has none."""
    cut = embedder.cut
    try:
        waves = read_crops(path, cut.count, cut.seconds, cut.sample_rate_hz)
    except AudioDecodeError as error:
        return error.reason
    mean = embedder.embed_waves(waves).mean(axis=0, keepdims=True)
    if not (np.isfinite(mean).all() and mean.any()):
        return "got no finite vector from the encoder"
    vector: NDArray[np.float32] = unit_rows(mean)[0]
    return vector


def _check_ids(paths: Sequence[Path], track_ids: Sequence[str]) -> None:
    if len(paths) != len(track_ids):
        raise ValueError(f"{len(paths)} paths for {len(track_ids)} track ids")
    if len(set(track_ids)) != len(track_ids):
        repeats = len(track_ids) - len(set(track_ids))
        raise DataError(f"{repeats} track ids stand more than once; embed each track once")
