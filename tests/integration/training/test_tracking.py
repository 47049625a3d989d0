"""Training and search tell a tracker, the real MLflow where it is installed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from core.workspace import Workspace, open_workspace
from pipelines import cli
from pipelines.tracking import opening
from pipelines.tracking.configuration import TrackingConfig
from pipelines.tracking.opening import open_run_log
from pipelines.tracking.telling import tell_search, tell_training
from pipelines.train import TrainReport
from pipelines.tuning.report import TuneReport
from ranking.rankers.lightgbm import LightGbmRanker
from tests.support.logged_listening import fill
from tests.support.remembered_runs import RememberedRun

SETTINGS = """
[tracking]
mlflow = "http://tracker"
[train.ranker]
windows = 3
window_days = 1
requests = 90
negatives = 10
[train.ranker.trees]
trees = 12
threads = 1
min_leaf_rows = 5
[tune]
startup_trials = 2
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("listening") / "data") as opened:
        fill(opened)
        yield opened


@pytest.fixture(scope="module")
def told(workspace: Workspace) -> tuple[RememberedRun, TrainReport, TuneReport]:
    """Return what a training and a search by the command line told, and their reports."""
    root = RememberedRun()
    config = workspace.root.parent / "my.toml"
    config.write_text(SETTINGS)
    place = ("--data", str(workspace.root), "--config", str(config), "--json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_mlflow_run", lambda settings, name: root.nested(name))
        documents = []
        for words in (("train", "ranker"), ("tune", "ranker", "--trials", "2")):
            with patch.context() as printing:
                lines: list[str] = []
                printing.setattr("sys.stdout.write", lines.append)
                assert cli.run([*words, *place]) == 0
            documents.append(json.loads("".join(lines)))
    structlog.reset_defaults()
    return root, TrainReport.model_validate(documents[0]), TuneReport.model_validate(documents[1])


def test_a_training_tells_settings_figures_and_the_model(
    told: tuple[RememberedRun, TrainReport, TuneReport],
) -> None:
    root, report, _ = told
    run = root.runs[0]
    assert (run.name, run.ended) == ("train", "finished")
    assert run.settings["train.ranker.trees.trees"] == 12
    assert run.settings["seed"] == 7
    made = report.artifacts[0]
    assert run.figures["artifacts.ranker.metrics.trees"] == made.metrics["trees"]
    assert run.documents["report.json"] == report.document()
    assert run.models == [
        ("ranker", made.version, ["feature_profile.json", "manifest.json", "model.txt"])
    ]


def test_a_search_tells_each_trial_as_a_run_within_it(
    told: tuple[RememberedRun, TrainReport, TuneReport],
) -> None:
    root, _, report = told
    run = root.runs[1]
    assert (run.name, run.ended) == ("tune ranker", "finished")
    assert run.figures["honest_gain_low"] == report.honest_gain.low
    assert [each.name for each in run.runs] == ["trial 0", "trial 1"]
    assert run.runs[0].figures["value"] == report.first_value
    assert run.runs[1].settings["leaves"] == report.trials[1].settings["leaves"]


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of what it is built on
def test_mlflow_keeps_runs_and_the_model_under_its_alias(
    workspace: Workspace,
    told: tuple[RememberedRun, TrainReport, TuneReport],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="MLflow is no part of the dev extra")
    monkeypatch.chdir(tmp_path)
    _, training, search = told
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    config = TrackingConfig(mlflow=uri, alias="champion")
    for _ in range(2):  # the second time experiment and model are there
        with open_run_log(config, "train") as log:
            tell_training(log, {"train": {"seed": 7}}, training, workspace.artifacts)
    with open_run_log(config, "tune ranker") as log:
        tell_search(log, {}, search)
    client = mlflow.MlflowClient(uri, uri)
    newest = client.get_model_version_by_alias("segue-ranker", "champion")
    assert (int(newest.version), newest.tags["segue.version"]) == (2, training.artifacts[0].version)
    source = client.get_model_version_download_uri("segue-ranker", newest.version)
    mlflow.set_tracking_uri(uri)
    kept = LightGbmRanker.load(Path(mlflow.artifacts.download_artifacts(source)))
    assert kept.booster.num_trees() == training.artifacts[0].metrics["trees"]
    place = client.get_experiment_by_name("segue").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([place])}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert runs["train"].data.params["train.seed"] == "7"
    parent = runs["trial 1"].data.tags["mlflow.parentRunId"]
    assert parent == runs["tune ranker"].info.run_id
    assert runs["tune ranker"].data.metrics["gain_low"] == search.gain.low


def test_a_server_that_is_down_costs_a_warning(
    workspace: Workspace, told: tuple[RememberedRun, TrainReport, TuneReport]
) -> None:
    pytest.importorskip("mlflow", reason="MLflow is no part of the dev extra")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with structlog.testing.capture_logs() as logs:
        config = TrackingConfig(mlflow=f"http://127.0.0.1:{port}")
        with open_run_log(config, "train") as log:
            tell_training(log, {}, told[1], workspace.artifacts)
    assert [each["event"] for each in logs] == ["tracking_failed"]
