"""An exported training set is what `segue train` learns from, to the last bit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from core.errors import ConfigError, DataError
from core.tables import EVENTS
from core.workspace import Workspace, open_workspace
from embeddings.audio.configuration import AudioConfig
from pipelines.job import Silent
from pipelines.ranker_training.export_training_set import ExportReport, export_training_set
from pipelines.ranker_training.train_ranker import RankerTrainingConfig, fit_ranker
from pipelines.ranker_training.training_file import read_training_set
from pipelines.train import TrainConfig, ranker_seed, train
from ranking.assembly import FeedConfig
from ranking.rankers.training import RankingData
from tests.support.histories import START_MS, add_plays, add_tracks, two_tastes
from tests.support.logged_listening import HEADED, LAMBDARANK, fill

SEED = 5
CONFIGS = {"lambdarank": LAMBDARANK, "heads": HEADED}
BOTH = pytest.mark.parametrize("kind", list(CONFIGS))
Exports = dict[str, tuple[Path, ExportReport]]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("listening") / "data") as opened:
        fill(opened)
        yield opened


def exported(
    workspace: Workspace, config: TrainConfig, path: Path, **options: bool
) -> ExportReport:
    return export_training_set(
        workspace,
        config,
        FeedConfig(),
        path,
        seed=SEED,
        force=options.get("force", False),
        progress=Silent(),
    )


@pytest.fixture(scope="module")
def exports(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    folder = tmp_path_factory.mktemp("exports")
    return {
        kind: (path := folder / f"{kind}.parquet", exported(workspace, config, path))
        for kind, config in CONFIGS.items()
    }


@BOTH
def test_a_ranker_fitted_to_the_file_is_the_one_that_training_makes(
    workspace: Workspace, exports: Exports, kind: str, tmp_path: Path
) -> None:
    (path, report), folder, config = exports[kind], tmp_path / "model", CONFIGS[kind]
    data, header = read_training_set(path)
    assert report.rows == len(data.data.values) == data.about.height > 300
    assert header.inputs["events"] == workspace.warehouse.fingerprint(EVENTS)
    told = RankerTrainingConfig.model_validate(header.config["ranker"])
    ranker, figures = fit_ranker(data, told, ranker_seed(header.seed))
    folder.mkdir()
    ranker.save(folder)
    made = train(
        workspace, AudioConfig(), config, FeedConfig(), only=["ranker"], seed=SEED,
        now_ms=START_MS, progress=Silent(),
    )  # fmt: skip
    manifest = workspace.artifacts.manifest("ranker", made.artifacts[0].version)
    files = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()}
    assert files == {name: each for name, each in manifest.files.items() if name in files}
    assert "model.txt" in files or "heads.json" in files
    assert figures == manifest.metrics


@BOTH
def test_the_split_is_the_one_that_stops_the_growing(exports: Exports, kind: str) -> None:
    frame = pl.read_parquet(exports[kind][0])
    share = CONFIGS[kind].ranker.trees.validation_share
    held = frame.filter(pl.col("split") == "validation")
    if kind == "lambdarank":
        requests = frame["request"].n_unique()
        assert held["request"].n_unique() == int(requests * share)
        assert held["request"].min() == requests - int(requests * share)
    else:
        assert held.height / frame.height == pytest.approx(share, abs=0.01)
    learned = frame.filter(pl.col("split") == "train")
    assert learned["at"].max() <= held["at"].min()


def test_what_nobody_can_know_is_null_and_no_column_is_nan(exports: Exports) -> None:
    frame = pl.read_parquet(exports["heads"][0])
    data, _ = read_training_set(exports["heads"][0])
    assert set(frame["outcome_skip"].unique()) >= {0.0, 1.0}
    assert frame["outcome_skip"].null_count() == np.isnan(data.data.outcomes["skip"]).sum() > 0
    features = frame.select(data.data.names)
    assert set(features.dtypes) == {pl.Float32}
    assert features.select(pl.all().is_nan().any()).row(0).count(True) == 0
    nulls = features.select(pl.all().null_count()).row(0)
    assert nulls == tuple(np.isnan(data.data.values).sum(axis=0).tolist())


def test_a_timeless_history_exports_what_a_blend_adds_up(tmp_path: Path) -> None:
    with open_workspace(tmp_path / "data") as workspace:
        add_plays(workspace, two_tastes(add_tracks(workspace, 30), 40, 0.5, seed=1))
        report = exported(workspace, TrainConfig(), tmp_path / "set.parquet")
    assert report.kind == "blend"
    frame = pl.read_parquet(tmp_path / "set.parquet")
    assert frame["split"].unique().to_list() == ["train"]
    data, _ = read_training_set(tmp_path / "set.parquet")
    assert isinstance(data.data, RankingData)
    assert data.data.groups.sum() == frame.height


def test_a_file_that_is_there_stays_unless_told_otherwise(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "set.parquet"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="--force"):
        exported(workspace, LAMBDARANK, path)
    assert path.read_text() == "mine"
    exported(workspace, LAMBDARANK, path, force=True)
    assert [each.name for each in tmp_path.iterdir()] == ["set.parquet"]  # nothing beside it
    assert pl.read_parquet(path).height


def test_other_files_are_refused_by_name(exports: Exports, tmp_path: Path) -> None:
    plain, text = tmp_path / "plain.parquet", tmp_path / "text.parquet"
    pl.DataFrame({"user_id": ["u"]}).write_parquet(plain)
    text.write_text("no Parquet")
    with pytest.raises(DataError, match="segue export training-set"):
        read_training_set(plain)
    with pytest.raises(DataError, match=r"text\.parquet"):
        read_training_set(text)
    metadata = pl.read_parquet_metadata(exports["lambdarank"][0])
    frame = pl.read_parquet(exports["lambdarank"][0])
    torn = frame.sample(fraction=1.0, shuffle=True, seed=1)
    torn.write_parquet(tmp_path / "torn.parquet", metadata={"segue": metadata["segue"]})
    with pytest.raises(DataError, match="stand together"):
        read_training_set(tmp_path / "torn.parquet")
