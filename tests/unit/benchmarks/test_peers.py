"""What every library is asked in the comparison with peers, asked of a library made here."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

PEERS = Path(__file__).parents[3] / "benchmarks" / "peers"
PLAYS = pl.DataFrame(
    {
        "user_id": ["ann", "ann", "bob", "bob", "cat"],
        "track_id": ["t1", "t2", "t1", "t3", "t1"],
        "plays": [3, 1, 2, 5, 1],
    }
)


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PEERS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def run_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    PLAYS.write_parquet(tmp_path / "plays.parquet")
    held = pl.DataFrame({"user_id": ["ann", "bob"], "track_id": ["t3", "t2"]})
    held.write_parquet(tmp_path / "held.parquet")
    split = {"plays": str(tmp_path / "plays.parquet"), "held": str(tmp_path / "held.parquet")}
    jobs = [
        {"split": split, "settings": settings, "out": str(tmp_path / name), "seed": 4}
        for name, settings in (("all", {"size": 2}), ("pruned", {"min_listeners": 2}))
    ]
    run = {"model": "counted", "depth": 10, "threads": 1, "jobs": jobs}
    (tmp_path / "run.json").write_text(json.dumps(run))
    monkeypatch.setattr(sys, "argv", ["peer", str(tmp_path / "run.json")])
    return tmp_path


def test_a_library_is_fitted_asked_and_timed_job_by_job(run_file: Path) -> None:
    contract = module("contract")
    told = []

    def fit(task):
        told.append(task)
        tracks = task.plays["track_id"].unique().sort().to_list()

        def recommend(users: Sequence[str], depth: int) -> Mapping[str, Sequence[str]]:
            return dict.fromkeys(users, tracks[:depth])

        return recommend

    contract.serve(fit)
    assert [task.settings for task in told] == [{"size": 2}, {}]
    assert told[1].plays["track_id"].unique().to_list() == ["t1"]
    # What a listener has met is no recommendation, whatever the library says.
    found = pl.read_parquet(run_file / "all" / "recommended.parquet")
    assert found.rows() == [("ann", "t3"), ("bob", "t2")]
    assert not pl.read_parquet(run_file / "pruned" / "recommended.parquet").height
    cost = json.loads((run_file / "all" / "cost.json").read_text())
    assert cost["listeners"] == 2
    assert cost["peak_mb"] > 1
    assert min(cost["fit_s"], cost["recommend_s"]) > 0


def test_trials_begin_with_the_defaults_and_repeat_by_seed() -> None:
    models = module("models")
    for model in models.MODELS:
        trials = model.trials(6, seed=3)
        assert trials[0] == model.always
        assert trials == model.trials(6, seed=3)
        assert len({json.dumps(trial) for trial in trials}) == 6
        assert all(set(model.space) <= set(trial) for trial in trials[1:])
