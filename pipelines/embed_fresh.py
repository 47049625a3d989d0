"""Tracks that came after the training: a vector, a factor and a place, and nothing trained."""

from __future__ import annotations

from core.artifacts import Manifest
from core.errors import ArtifactError
from core.workspace import Workspace
from embeddings.bridge.model import Bridge, extended
from embeddings.collaborative.factors import AlsFactors
from embeddings.fingerprints.duplicates import DuplicateConfig
from embeddings.index import IndexConfig, build_index
from embeddings.vectors import TrackVectors
from pipelines.duplicates import fingerprint_catalogue
from pipelines.embed_catalogue import embed_recordings, save_vectors
from pipelines.importers.report import NearDuplicate
from pipelines.job import MadeArtifact, Progress, Report
from pipelines.recordings import recordings


class EmbedReport(Report):
    """What was embedded."""

    fresh: int
    """Tracks that had no vector before."""
    bridged: int
    """Of these, how many got a factor from their sound."""
    near_duplicates: tuple[NearDuplicate, ...]
    """Copies found among recordings that were compared with none before."""
    unreadable: tuple[tuple[str, str], ...]
    """Tracks whose audio could not be read, with the reason."""
    artifacts: tuple[MadeArtifact, ...]
    """What was made; nothing where no track was fresh."""


def embed_fresh(
    workspace: Workspace,
    index: IndexConfig,
    *,
    now_ms: int,
    progress: Progress,
    duplicates: DuplicateConfig | None = None,
) -> EmbedReport:
    """Embed the recordings that the newest vectors lack, with the encoder that made those.

    Args:
        workspace: Where recordings are read and artifacts are written.
        index: How neighbours are indexed.
        now_ms: Stamped on the artifacts.
        progress: Told how far it is.
        duplicates: When two recordings are taken for one.

    Raises:
        ArtifactError: If nothing was trained yet, or the encoder cannot be opened.
    """
    from embeddings.audio.opening import open_encoder

    artifacts = workspace.artifacts
    newest = artifacts.latest("vectors")
    encoder = newest.inputs.get("encoder") if newest is not None else None
    if newest is None or encoder is None:
        raise ArtifactError("there are no vectors of an encoder yet; run `segue train` first")
    copies = fingerprint_catalogue(workspace, progress, now_ms=now_ms, config=duplicates)
    known = TrackVectors.load(artifacts.folder("vectors", newest.version))
    embedder = open_encoder(artifacts.folder("encoder", encoder))
    vectors, failures = embed_recordings(recordings(workspace), embedder, progress, known)
    fresh = vectors.without(known.track_ids)
    made: list[Manifest] = []
    bridged = 0
    if len(fresh):
        made.append(save_vectors(workspace, vectors, encoder, len(failures), now_ms))
        made.append(save_index(workspace, vectors, made[0].version, index, now_ms))
        factors, bridged = _bridged(workspace, fresh, made[0].version, now_ms)
        made.extend(factors)
    return EmbedReport(
        fresh=len(fresh),
        bridged=bridged,
        near_duplicates=copies.near_duplicates,
        unreadable=tuple(failures),
        artifacts=tuple(MadeArtifact.of(each) for each in made),
    )


def save_index(
    workspace: Workspace, vectors: TrackVectors, version: str, config: IndexConfig, now_ms: int
) -> Manifest:
    """Write the index of vectors as an artifact that says which they are."""
    return workspace.artifacts.create(
        "index",
        build_index(vectors.values, config).save,
        now_ms=now_ms,
        config=config.model_dump(),
        inputs={"vectors": version},
    )


def _bridged(
    workspace: Workspace, fresh: TrackVectors, vectors: str, now_ms: int
) -> tuple[list[Manifest], int]:
    """Give fresh tracks factors; return the artifact, where there is a bridge, and how many."""
    artifacts = workspace.artifacts
    newest, bridge = artifacts.latest("factors"), artifacts.latest("bridge")
    if newest is None or bridge is None:
        return [], 0
    factors = AlsFactors.load(artifacts.folder("factors", newest.version))
    spoken = Bridge.load(artifacts.folder("bridge", bridge.version))
    if spoken.weights.shape != (fresh.values.shape[1], factors.dim):
        return [], 0  # the encoder or the factors were trained anew since, and the other was not
    longer = extended(factors, spoken, fresh)
    made = artifacts.create(
        "factors",
        longer.save,
        now_ms=now_ms,
        config=newest.config,
        inputs=newest.inputs | {"bridge": bridge.version, "vectors": vectors},
        metrics={"bridged": float(len(longer.track_ids) - len(factors.track_ids))},
    )
    return [made], len(longer.track_ids) - len(factors.track_ids)
