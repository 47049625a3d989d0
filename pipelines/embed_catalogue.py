"""Every recording of the catalogue as a vector: an encoder, trained or lent, and what it hears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.artifacts import Manifest
from core.tables import TRACKS
from core.workspace import Workspace
from embeddings.audio.configuration import AudioConfig
from embeddings.encoder.log import TrainingLog
from embeddings.vectors import TrackVectors
from pipelines.fitting import FactorsConfig
from pipelines.job import Progress
from pipelines.learn_encoder import forget_training, learn_encoder
from pipelines.recordings import Recording, recordings

if TYPE_CHECKING:
    from embeddings.audio.crops import Failure, TrackCrops
    from embeddings.audio.embedder import AudioEmbedder

MIN_TRACKS = 8  # contrast needs others to tell a track from


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedCatalogue:
    """What was made, and the recordings that could not be read.

    Attributes:
        encoder: Its artifact.
        vectors: Their artifact.
        log: How the training went; empty where none was needed.
        failures: (track id, reason).
    """

    encoder: Manifest
    vectors: Manifest
    log: TrainingLog
    failures: tuple[Failure, ...]


def embed_catalogue(
    workspace: Workspace,
    config: AudioConfig,
    factors: FactorsConfig,
    seed: int,
    *,
    now_ms: int,
    progress: Progress,
) -> EmbeddedCatalogue | str:
    """Train an encoder, or take the one that is lent, and embed every recording.

    Args:
        workspace: Where recordings are read and artifacts are written.
        config: Which encoder.
        factors: How plays are factorised, where the encoder learns from them.
        seed: Decides every random choice.
        now_ms: Stamped on the artifacts.
        progress: Told how far it is.

    Returns:
        What was made; or, where there is too little audio, the reason as text.
    """
    # ONNX Runtime and torch take their time to load; settings are read without either.
    from embeddings.audio.backbone import backbone_path
    from embeddings.audio.inference import embed_crops
    from embeddings.audio.opening import open_encoder, record_backbone
    from embeddings.audio.runtime import OnnxEncoder

    found = recordings(workspace)
    path = backbone_path(config.backbone)
    needed = MIN_TRACKS if path is None else 1
    if len(found) < needed:
        return f"{len(found)} tracks have audio and {needed} are needed; import audio first"
    heard: TrackCrops | None = None
    if path is None:
        trained, heard = learn_encoder(workspace, found, config.encoder, factors, seed, progress)
        save, log = trained.save, trained.log
        settings = config.encoder.model_dump(mode="json")
    else:
        save, log = record_backbone(path, config.input).save, TrainingLog()
        settings = {"backbone": str(path)} | config.input.model_dump(mode="json")
    encoder = workspace.artifacts.create(
        "encoder",
        save,
        now_ms=now_ms,
        config=settings,
        inputs={"tracks": workspace.warehouse.fingerprint(TRACKS)},
        metrics=_figures(log),
    )
    forget_training(workspace)
    embedder = open_encoder(workspace.artifacts.folder("encoder", encoder.version))
    known = None
    if heard is not None and isinstance(embedder, OnnxEncoder):
        known = embed_crops(heard, embedder)  # their files were read already
    unreadable = heard.failures if heard is not None else ()
    vectors, failures = embed_recordings(
        [each for each in found if each.track_id not in dict(unreadable)],
        embedder,
        progress,
        known,
    )
    failed = (*unreadable, *failures)
    made = save_vectors(workspace, vectors, encoder.version, len(failed), now_ms)
    return EmbeddedCatalogue(encoder, made, log, failed)


def embed_recordings(
    found: Sequence[Recording],
    embedder: AudioEmbedder,
    progress: Progress,
    known: TrackVectors | None = None,
) -> tuple[TrackVectors, list[Failure]]:
    """Embed recordings, but those whose vectors are known.

    Returns:
        The vectors of all that could be read, by id, and (track id, reason) of the others.
    """
    from embeddings.audio.inference import embed_files

    known = known or TrackVectors((), np.empty((0, embedder.dim), dtype=np.float32))
    done = set(known.track_ids)
    fresh = [each for each in found if each.track_id not in done]
    vectors, failures = embed_files(
        [each.path for each in fresh],
        [each.track_id for each in fresh],
        embedder,
        progress=progress.counter("embedding") if fresh else None,
    )
    return known.joined(vectors), failures


def save_vectors(
    workspace: Workspace, vectors: TrackVectors, encoder: str, unreadable: int, now_ms: int
) -> Manifest:
    """Write vectors as an artifact that says which encoder made them."""
    return workspace.artifacts.create(
        "vectors",
        vectors.save,
        now_ms=now_ms,
        config={},
        inputs={"encoder": encoder},
        metrics={"tracks": float(len(vectors)), "unreadable": float(unreadable)},
    )


def _figures(log: TrainingLog) -> dict[str, float]:
    """Return what is worth comparing between two trainings."""
    if not log.epochs:
        return {}
    kept = log.epochs[log.kept - 1]
    figures = {f"loss_{name}": value for name, value in kept.losses.items()}
    if kept.retrieval is not None:
        figures["retrieval"] = kept.retrieval
    return figures | {"epochs": float(len(log.epochs)), "kept_epoch": float(log.kept)}
