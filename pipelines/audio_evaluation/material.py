"""What is read of the recordings once, and what each encoder makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ArtifactError, DataError
from core.randomness import derive_seed, generator
from core.workspace import Workspace
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.crops import TrackCrops, read_track_crops
from embeddings.audio.embedder import AudioEmbedder
from embeddings.audio.inference import embed_crops, embed_files
from embeddings.audio.opening import open_encoder
from embeddings.encoder.training import train_encoder
from pipelines.audio_evaluation.baselines import (
    MfccStatistics,
    mfcc_statistics,
    random_encoder,
)
from pipelines.audio_evaluation.labels import LabelledRecordings
from pipelines.audio_evaluation.spaces import Space
from pipelines.job import Progress
from pipelines.lessons import Lessons
from ranking.model import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Everything the encoders of all folds are made from, read once.

    Attributes:
        recordings: The (n,) that every encoder could read.
        crops: Their spectrograms.
        statistics: Their MFCC statistics.
        failures: (track id, reason) of the others.
    """

    recordings: LabelledRecordings
    crops: TrackCrops
    statistics: Space
    failures: tuple[tuple[str, str], ...]


def read_material(
    recordings: LabelledRecordings, config: EncoderConfig, progress: Progress
) -> Material:
    """Decode recordings for every encoder; one that cannot be read is left out for all.

    Args:
        recordings: Which.
        config: How crops are cut.
        progress: Shows how far it is.
    """
    mfcc = mfcc_statistics(recordings, progress.counter("describing by MFCC"))
    heard = recordings.chosen(mfcc.track_ids)
    crops = read_track_crops(
        heard.paths, heard.track_ids, config, progress=progress.counter("reading audio")
    )
    return Material(
        recordings=heard.chosen(crops.track_ids),
        crops=crops,
        statistics=Space("mfcc", _kept(mfcc, crops), is_raw=True),
        failures=(*mfcc.failures, *crops.failures),
    )


def trained_space(
    material: Material,
    rows: NDArray[np.int64],
    known: Lessons,
    config: EncoderConfig,
    seed: int,
    told: Callable[[int, int], None],
) -> Space:
    """Train an encoder on some of the recordings and embed all of them.

    Args:
        material: The recordings.
        rows: Those to train on; of the plays of the others nothing is known.
        known: What is known of all recordings besides their sound.
        config: The encoder.
        seed: Of the training.
        told: Called with (steps done, steps in all).
    """
    crops = material.crops
    held = np.setdiff1d(np.arange(len(crops.track_ids)), rows)
    unheard = [crops.track_ids[row] for row in held]
    return Space("segue", trained_vectors(crops, rows, known, unheard, config, seed, told))


def trained_vectors(
    crops: TrackCrops,
    rows: NDArray[np.int64],
    known: Lessons,
    unheard: Sequence[str],
    config: EncoderConfig,
    seed: int,
    told: Callable[[int, int], None],
) -> Floats:
    """Train an encoder on some of the recordings and return the vectors of all.

    Args:
        crops: Of the (n,) recordings.
        rows: Those to train on; where they are more than the encoder is to learn from, a sample.
        known: What is known of all recordings besides their sound.
        unheard: Tracks whose plays must not be known.
        config: The encoder.
        seed: Of the training.
        told: Called with (steps done, steps in all).

    Returns:
        (n, dim) unit rows.
    """
    size = min(config.train_tracks, rows.size)
    chosen = np.sort(generator(seed, "training tracks").choice(rows, size, replace=False))
    taught = known.of(chosen, unheard)
    encoder = train_encoder(crops.chosen(chosen), config, seed, told, supervision=taught)
    return embed_crops(crops, encoder).values


def random_space(material: Material, config: EncoderConfig, seed: int) -> Space:
    """Embed the recordings with untrained weights."""
    encoder = random_encoder(config, derive_seed(seed, "random encoder"))
    return Space("random", embed_crops(material.crops, encoder).values)


def finished_space(material: Material, encoder: AudioEmbedder, progress: Progress) -> Space:
    """Embed the recordings with an encoder that is not trained any more, cut as it wants them.

    Raises:
        DataError: If it gives no vector of a recording that the others can read.
    """
    heard = material.recordings
    told = progress.counter("embedding")
    vectors, failures = embed_files(heard.paths, heard.track_ids, encoder, progress=told)
    if failures:
        track_id, reason = failures[0]
        raise DataError(f"the encoder cannot embed {track_id}, which {reason}; leave it out")
    return Space("segue", vectors.values)


def live_encoder(workspace: Workspace) -> AudioEmbedder:
    """Load the promoted encoder, or where none is, the newest.

    Raises:
        ArtifactError: If none was trained.
    """
    version = next(_versions(workspace), None)
    if version is None:
        raise ArtifactError(
            f"there is no encoder under {workspace.artifacts.root}; import audio and run "
            "`segue train` first"
        )
    return open_encoder(workspace.artifacts.folder("encoder", version))


def _versions(workspace: Workspace) -> Iterator[str]:
    live = workspace.artifacts.live()
    if live is not None and "encoder" in live.versions:
        yield live.versions["encoder"]
    newest = workspace.artifacts.latest("encoder")
    if newest is not None:
        yield newest.version


def _kept(mfcc: MfccStatistics, crops: TrackCrops) -> NDArray[np.float64]:
    row_of = {track_id: row for row, track_id in enumerate(mfcc.track_ids)}
    return mfcc.values[[row_of[track_id] for track_id in crops.track_ids]]
