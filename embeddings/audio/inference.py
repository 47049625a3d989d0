"""Embedding recordings with a trained encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.audio.crops import Failure, Progress, TrackCrops, read_track_crops
from embeddings.audio.encoder import AudioEncoder
from embeddings.vectors import TrackVectors, unit_rows

_BATCH_TRACKS = 256  # 256 x 6 crops of 5 s: 42 MB of spectrograms at a time


def embed_files(
    paths: Sequence[Path],
    track_ids: Sequence[str],
    encoder: AudioEncoder,
    *,
    threads: int = 0,
    progress: Progress | None = None,
) -> tuple[TrackVectors, list[Failure]]:
    """Embed recordings; one that cannot be read is listed and the rest goes on.

    Args:
        paths: (n,) files.
        track_ids: (n,) distinct ids of the same tracks.
        encoder: A trained encoder.
        threads: Decoding threads; 0 means one a core.
        progress: Called with (files done, files in all).

    Returns:
        The vectors of the readable tracks in their order, and (track id, reason) of the others.

    Raises:
        ValueError: If there is not one id for each path.
        DataError: If an id stands twice.
    """
    if len(paths) != len(track_ids):
        raise ValueError(f"{len(paths)} paths for {len(track_ids)} track ids")
    kept: list[str] = []
    rows: list[NDArray[np.float32]] = [np.empty((0, encoder.config.dim), dtype=np.float32)]
    failures: list[Failure] = []
    for start in range(0, len(paths), _BATCH_TRACKS):
        part = slice(start, start + _BATCH_TRACKS)
        crops = read_track_crops(
            paths[part],
            track_ids[part],
            encoder.config,
            threads=threads,
            progress=_shifted(progress, start, len(paths)),
        )
        kept.extend(crops.track_ids)
        rows.append(embed_crops(crops, encoder).values)
        failures.extend(crops.failures)
    return TrackVectors(tuple(kept), np.concatenate(rows)), failures


def embed_crops(crops: TrackCrops, encoder: AudioEncoder) -> TrackVectors:
    """Embed tracks whose crops were read already, for instance to train.

    Args:
        crops: Crops cut as the encoder's config says.
        encoder: A trained encoder.

    Returns:
        One vector a track: the normalised mean of its crops' vectors.
    """
    n, n_crops = crops.values.shape[:2]
    rows = encoder.embed(crops.values.reshape(n * n_crops, *crops.values.shape[2:]))
    means = rows.reshape(n, n_crops, encoder.config.dim).mean(axis=1)
    return TrackVectors(crops.track_ids, unit_rows(means))


def _shifted(progress: Progress | None, done: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda part, _: progress(done + part, total)
