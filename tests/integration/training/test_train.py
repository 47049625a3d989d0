"""Training makes artifacts from what there is, repeatably, and says what it passed over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import ConfigError, DataError
from core.tables import TALLIES
from core.workspace import Workspace, open_workspace
from embeddings.audio.configuration import AudioConfig
from pipelines.fitting import FactorsConfig
from pipelines.job import Silent
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from pipelines.train import TrainConfig, TrainReport, train
from ranking.assembly import FeedConfig, assemble
from ranking.loading import load_catalogue, load_learned, load_ranker
from ranking.model import FeedQuery, Listener
from ranking.rankers.training import RankerConfig
from tests.support.histories import START_MS, add_plays, add_tracks, two_tastes

CONFIG = TrainConfig(
    factors=FactorsConfig(),
    ranker=RankerTrainingConfig(trees=RankerConfig(trees=10, threads=1), folds=2, requests=100),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


def trained(workspace: Workspace, now_ms: int = START_MS, **options: object) -> TrainReport:
    return train(
        workspace,
        AudioConfig(),
        CONFIG,
        FeedConfig(),
        seed=5,
        now_ms=now_ms,
        progress=Silent(),
        **options,
    )


def test_without_audio_the_rest_is_trained_and_the_reason_is_told(workspace: Workspace) -> None:
    add_plays(workspace, two_tastes(add_tracks(workspace, 40), 60, 0.5, seed=1))
    report = trained(workspace)
    made = {artifact.kind: artifact.version for artifact in report.artifacts}
    assert set(made) == {"factors", "neighbours", "autoencoder", "statistics", "ranker"}
    assert set(report.skipped) == {"embed", "index"}
    manifest = workspace.artifacts.manifest("ranker", made["ranker"])
    assert manifest.inputs["tallies"] == workspace.warehouse.fingerprint(TALLIES)
    assert "als_standing" in manifest.feature_names
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
    learned = load_learned(workspace.artifacts, made, catalogue)
    engine = assemble(catalogue, learned, load_ranker(workspace.artifacts, made), FeedConfig())
    page = engine.serve(FeedQuery(Listener("nobody"), size=10, now_ms=START_MS, seed=1))
    assert len(page.feed) == 10
    assert not page.trace.degraded


def test_the_same_seed_makes_the_same_bytes(workspace: Workspace) -> None:
    add_plays(workspace, two_tastes(add_tracks(workspace, 40), 60, 0.5, seed=1))
    files = []
    for now_ms in (START_MS, START_MS + 1000):
        report = trained(workspace, now_ms)
        manifests = [workspace.artifacts.manifest(a.kind, a.version) for a in report.artifacts]
        files.append({manifest.kind: manifest.files for manifest in manifests})
    assert files[0] == files[1]


def test_only_what_was_asked_for_is_trained(workspace: Workspace) -> None:
    add_plays(workspace, two_tastes(add_tracks(workspace, 40), 60, 0.5, seed=1))
    report = trained(workspace, only=["factors"])
    assert {artifact.kind for artifact in report.artifacts} == {
        "factors",
        "neighbours",
        "autoencoder",
        "statistics",
    }
    with pytest.raises(ConfigError, match="vibes"):
        trained(workspace, only=["vibes"])


def test_an_empty_workspace_trains_nothing_and_says_why(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="import"):
        trained(workspace)
    assert workspace.artifacts.list() == []
