"""A search on a small log: repeatable, resumed after a kill, and honest about what it found."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import structlog

from core.errors import ConfigError
from core.settings import load_settings
from core.workspace import Workspace, open_workspace
from pipelines import cli
from pipelines.job import Silent
from pipelines.ranker_training.train_ranker import fit_ranker
from pipelines.ranker_training.training_input import read_training_input
from pipelines.settings import PipelineSettings
from pipelines.train import TrainConfig, ranker_seed
from pipelines.tuning.configuration import TuneConfig
from pipelines.tuning.judging import worth
from pipelines.tuning.material import Material, alone, from_file, made_once
from pipelines.tuning.report import TuneReport
from pipelines.tuning.run import require_optuna, tune
from pipelines.tuning.slices import cut
from ranking.assembly import FeedConfig
from ranking.evaluation.intervals import Estimate
from tests.support.killing import ROOT
from tests.support.logged_listening import HEADED, LAMBDARANK, fill

SEED = 5
SEARCH = TuneConfig(
    startup_trials=2,
    prune_after=2,
    report_every=3,
    prune_from=3,
    min_leaf_rows=(5, 50),
    leaves=(3, 15),
)
KILLED = """
import sys
from pathlib import Path
import pipelines.tuning.run as run
from pipelines.job import Silent
from pipelines.tuning.material import from_file
from tests.integration.training.test_tune import SEARCH
from tests.support.killing import kill_self

fit, fitted = run.fit_ranker, []

def fit_or_die(data, training, seed, watch):
    fitted.append(1)

    def dies(model, trees, figure):
        if len(fitted) == 4 and trees == 2:  # in the middle of the fourth trial
            kill_self()
        watch(model, trees, figure)

    return fit(data, training, seed, dies)

run.fit_ranker = fit_or_die
source, folder = map(Path, sys.argv[1:])
run.tune(from_file(source), SEARCH, folder, trials=6, timeout_s=None, progress=Silent())
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("listening") / "data") as opened:
        fill(opened)
        yield opened


def material_of(workspace: Workspace, config: TrainConfig, folder: Path) -> Material:
    folder.mkdir(exist_ok=True)
    source = read_training_input(workspace, config, FeedConfig(), SEED)
    return made_once(source, folder, Silent())


@pytest.fixture(scope="module")
def ranked(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Material, Path]:
    """Return what a lambdarank search works on, and the file it is kept in."""
    folder = tmp_path_factory.mktemp("set")
    made = material_of(workspace, LAMBDARANK, folder)
    (path,) = folder.glob("*.parquet")
    return made, path


def searched(material: Material, folder: Path, trials: int) -> TuneReport:
    folder.mkdir(exist_ok=True)
    return tune(material, SEARCH, folder, trials=trials, timeout_s=None, progress=Silent())


def story(report: TuneReport) -> list[tuple]:
    """Return what happened, without how long it took."""
    return [(row.trial, row.state, row.value, row.settings) for row in report.trials]


def test_a_killed_search_goes_on_as_if_nothing_had_happened(
    ranked: tuple[Material, Path], tmp_path: Path
) -> None:
    made, source = ranked
    material = from_file(source)
    np.testing.assert_array_equal(material.data.data.values, made.data.data.values)
    whole = searched(material, tmp_path / "whole", trials=6)
    killed = tmp_path / "killed"
    killed.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(source), str(killed)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    before = searched(material, killed, trials=1)  # looks, and tries nothing
    assert 1 <= before.finished < 6
    assert story(before) == story(whole)[: before.finished]
    resumed = searched(material, killed, trials=6)
    assert story(resumed) == story(whole)
    assert resumed.settings == whole.settings
    assert (resumed.gain, resumed.honest_gain) == (whole.gain, whole.honest_gain)
    again = searched(material, killed, trials=6)
    assert story(again) == story(whole)  # nothing is left to do


@pytest.mark.parametrize("config", [LAMBDARANK, HEADED], ids=["lambdarank", "heads"])
def test_the_first_trial_is_today_and_the_best_is_what_its_settings_give(
    workspace: Workspace, config: TrainConfig, tmp_path: Path
) -> None:
    material = material_of(workspace, config, tmp_path)
    report = searched(material, tmp_path, trials=6)
    assert report.finished == 6
    earlier, later = cut(material.data, SEARCH.judge_share)
    assert earlier.about["at_ms"].max() < later.about["at_ms"].min()
    sign = -1 if report.measure == "log_loss" else 1
    values = []
    for settings in (None, report.settings["train"]["ranker"]):
        training = config.ranker
        if settings is not None:  # as a settings file would be read
            told = tomllib.loads(report.toml)["train"]["ranker"]
            assert told == settings
            document = training.model_dump()
            for section, chosen in told.items():
                document[section] |= chosen
            training = type(training).model_validate(document)
        ranker, _ = fit_ranker(earlier, training, ranker_seed(SEED))
        values.append(worth(ranker, later))
    assert report.first_value == pytest.approx(sign * values[0].mean(), abs=1e-12)
    assert report.best_value == pytest.approx(sign * values[1].mean(), abs=1e-12)
    assert report.gain.mean == pytest.approx((values[1] - values[0]).mean(), abs=1e-12)
    assert isinstance(report.honest_gain, Estimate)
    assert report.listeners == values[0].size == later.about["user_id"].n_unique()


def test_the_training_set_is_made_once_while_nothing_changes(
    workspace: Workspace, ranked: tuple[Material, Path], tmp_path: Path
) -> None:
    first, kept = ranked
    shutil.copy(kept, tmp_path)
    trees = LAMBDARANK.ranker.trees.model_copy(update={"leaves": 5})
    other = LAMBDARANK.model_copy(
        update={"ranker": LAMBDARANK.ranker.model_copy(update={"trees": trees})}
    )
    second = material_of(workspace, other, tmp_path)  # other trees, the same rows
    assert (first.reused, second.reused) == (False, True)
    assert second.training.trees.leaves == 5
    np.testing.assert_array_equal(first.data.data.values, second.data.data.values)
    fewer = LAMBDARANK.model_copy(
        update={"ranker": LAMBDARANK.ranker.model_copy(update={"negatives": 5})}
    )
    third = material_of(workspace, fewer, tmp_path)
    assert not third.reused
    assert len(list(tmp_path.glob("*.parquet"))) == 1  # what nobody can use any more is gone


def test_two_searches_do_not_meet_in_one_folder(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(ConfigError, match="another"), alone(tmp_path):
        pass
    with alone(tmp_path):  # the first is over
        pass


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"segue\[tuning\]"):
        require_optuna()


def test_the_winner_is_written_over_the_settings_of_today(
    ranked: tuple[Material, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    _, source = ranked
    today = "[feed]\nsize = 17\n[train.ranker]\nwindows = 2\n"
    Path("segue.toml").write_text(today)
    words = ["tune", "ranker", "--from", str(source), "--trials", "3", "--write", "my.toml"]
    try:
        assert cli.run([*words, "--json", "--data", "elsewhere"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert cli.run(words) == 2  # my.toml is there
    finally:
        structlog.reset_defaults()
    assert "--force" in capsys.readouterr().err
    assert "better than" in Path("my.toml").read_text().splitlines()[1]
    written = load_settings(PipelineSettings, Path("my.toml"), {})
    assert (written.feed.size, written.train.ranker.windows) == (17, 2)
    trees = written.train.ranker.trees.model_dump()
    assert report["settings"]["train"]["ranker"]["trees"].items() <= trees.items()
