"""From recordings to vectors and factors: trained, lent, and for tracks that come later."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import ArtifactError
from core.workspace import Workspace, open_workspace
from embeddings.audio.configuration import (
    AudioConfig,
    BackboneConfig,
    EncoderConfig,
    ObjectivesConfig,
)
from embeddings.audio.opening import open_encoder
from embeddings.bridge.configuration import BridgeConfig
from embeddings.bridge.model import Bridge
from embeddings.collaborative.factors import AlsConfig, AlsFactors
from embeddings.index import IndexConfig
from embeddings.vectors import TrackVectors
from pipelines.embed_catalogue import EmbeddedCatalogue, embed_catalogue
from pipelines.embed_fresh import EmbedReport, embed_fresh
from pipelines.fitting import FactorsConfig
from pipelines.importers.audio import import_audio
from pipelines.job import Silent
from pipelines.train import TrainConfig, train
from ranking.assembly import FeedConfig
from ranking.loading import load_catalogue, load_learned
from tests.support.histories import START_MS, add_plays, two_tastes
from tests.support.onnx_models import waveform_model

RATE_HZ = 22_050
TRACKS = 24
ENCODER = EncoderConfig(
    dim=12, learned_dim=4, n_crops=2, crop_s=1.5, atoms=8, window_frames=32, channels=8,
    epochs=2, epoch_steps=2, reencoded_tracks=2,
)  # fmt: skip
FACTORS = FactorsConfig(
    als=AlsConfig(dim=4, regularization=1.0, iterations=10), bridge=BridgeConfig(min_tracks=10)
)


def sound(number: int) -> np.ndarray:
    """Three seconds of one of two kinds, each recording with a pitch of its own."""
    rng = np.random.default_rng(number)
    at = np.arange(3 * RATE_HZ) / RATE_HZ
    if number % 2:
        return (0.3 * np.sin(2 * np.pi * rng.uniform(100, 300) * at)).astype(np.float32)
    pulse = np.sin(2 * np.pi * rng.uniform(3, 6) * at) > 0.7
    return (0.3 * pulse * rng.normal(size=len(at))).astype(np.float32)


def add_sounds(workspace: Workspace, folder: Path, numbers: range) -> list[str]:
    """Import recordings t000, t001, …; return their ids."""
    folder.mkdir()
    ids = [f"t{number:03d}" for number in numbers]
    for number, track_id in zip(numbers, ids, strict=True):
        soundfile.write(folder / f"{track_id}.wav", sound(number), RATE_HZ)
    metadata = folder / "tracks.csv"
    metadata.write_text(
        "\n".join(["track_id,tags", *(f"{one},kind{int(one[1:]) % 2}" for one in ids)])
    )
    import_audio(workspace, folder, Silent(), now_ms=START_MS, metadata=metadata)
    return ids


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return a data folder with recordings in it, for copying, and their ids."""
    root = tmp_path_factory.mktemp("imported")
    with open_workspace(root / "data") as opened:
        return root / "data", add_sounds(opened, root / "first", range(TRACKS))


@pytest.fixture
def known(imported: tuple[Path, list[str]]) -> list[str]:
    return imported[1]


@pytest.fixture
def workspace(imported: tuple[Path, list[str]], tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(shutil.copytree(imported[0], tmp_path / "data")) as opened:
        yield opened


def embedded(workspace: Workspace, audio: AudioConfig) -> EmbeddedCatalogue:
    found = embed_catalogue(workspace, audio, FACTORS, 5, now_ms=START_MS, progress=Silent())
    assert isinstance(found, EmbeddedCatalogue)
    return found


def vectors_of(workspace: Workspace, version: str) -> TrackVectors:
    return TrackVectors.load(workspace.artifacts.folder("vectors", version))


def fresh_report(workspace: Workspace) -> EmbedReport:
    return embed_fresh(workspace, IndexConfig(), now_ms=START_MS + 1, progress=Silent())


def test_a_sample_is_trained_on_and_everything_embedded(workspace, known):
    some = ENCODER.model_copy(update={"train_tracks": 10})
    made = embedded(workspace, AudioConfig(encoder=some))
    vectors = vectors_of(workspace, made.vectors.version)
    assert list(vectors.track_ids) == known
    encoder = open_encoder(workspace.artifacts.folder("encoder", made.encoder.version))
    assert encoder.dim == vectors.dim == ENCODER.dim
    assert made.encoder.metrics["epochs"] == 2
    assert not (workspace.root / "training" / "encoder.pt").exists()
    kinds = np.arange(TRACKS) % 2
    similarity = vectors.values @ vectors.values.T
    np.fill_diagonal(similarity, -1)
    assert np.mean(kinds[similarity.argmax(axis=1)] == kinds) == 1.0


def test_every_objective_finds_what_it_learns_from(workspace, known):
    add_plays(workspace, two_tastes(known, 30, 0.6, seed=1))
    objectives = ObjectivesConfig(tags=0.5, alignment=0.5, min_tag_tracks=2)
    audio = AudioConfig(encoder=ENCODER.model_copy(update={"objectives": objectives}))
    made = embedded(workspace, audio)
    assert set(made.log.epochs[0].losses) == {"contrastive", "tags", "alignment"}
    assert {"loss_tags", "loss_alignment"} <= set(made.encoder.metrics)


def test_a_foreign_model_takes_the_place_of_ours(workspace, known, tmp_path):
    path = tmp_path / "model.onnx"
    waveform_model(path)
    audio = AudioConfig(
        backbone=f"onnx:{path}", input=BackboneConfig(sample_rate_hz=8000, crop_s=1, n_crops=2)
    )
    made = embedded(workspace, audio)
    assert list(vectors_of(workspace, made.vectors.version).track_ids) == known
    assert made.log.epochs == ()
    add_sounds(workspace, tmp_path / "second", range(TRACKS, TRACKS + 2))
    assert fresh_report(workspace).fresh == 2
    path.write_bytes(path.read_bytes() + b"\\0")
    add_sounds(workspace, tmp_path / "third", range(TRACKS + 2, TRACKS + 3))
    with pytest.raises(ArtifactError, match="is not the model any more"):
        fresh_report(workspace)


def test_tracks_that_come_later_get_a_vector_a_factor_and_a_place(workspace, known, tmp_path):
    add_plays(workspace, two_tastes(known, 60, 0.6, seed=1))
    config = TrainConfig(factors=FACTORS)
    trained = train(
        workspace, AudioConfig(encoder=ENCODER), config, FeedConfig(),
        only=("embed", "factors", "index"), seed=5, now_ms=START_MS, progress=Silent(),
    )  # fmt: skip
    assert "bridge" in {made.kind for made in trained.artifacts}
    before = {made.kind: made.version for made in trained.artifacts}
    fresh = add_sounds(workspace, tmp_path / "second", range(TRACKS, TRACKS + 4))
    report = fresh_report(workspace)
    assert (report.fresh, report.bridged, report.unreadable) == (4, 4, ())
    assert {made.kind for made in report.artifacts} == {"vectors", "index", "factors"}

    versions = before | {made.kind: made.version for made in report.artifacts}
    vectors = vectors_of(workspace, versions["vectors"])
    old = vectors_of(workspace, before["vectors"])
    np.testing.assert_array_equal(vectors.aligned(old.track_ids), old.values)
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection, order=vectors.track_ids)
    learned = load_learned(workspace.artifacts, versions, catalogue)
    rows = catalogue.tracks.rows(fresh)
    bridge = Bridge.load(workspace.artifacts.folder("bridge", versions["bridge"]))
    expected = bridge.predict(vectors.aligned(fresh))
    np.testing.assert_allclose(learned.factors.tracks[rows], expected, atol=1e-6)  # float32
    assert np.abs(expected).max() > 0
    # Listeners of a kind are offered the fresh tracks of their kind first.
    factors = AlsFactors.load(workspace.artifacts.folder("factors", versions["factors"]))
    scores = factors.users @ learned.factors.tracks[rows].T
    kind = np.array([int(user[1:]) % 2 for user in factors.user_ids])
    own = np.arange(TRACKS, TRACKS + 4) % 2 == kind[:, None]
    assert np.mean(scores[own]) > np.mean(scores[~own])

    again = fresh_report(workspace)
    assert (again.fresh, again.artifacts) == (0, ())


def test_nothing_trained_is_told(workspace, known):
    with pytest.raises(ArtifactError, match="run `segue train` first"):
        fresh_report(workspace)
