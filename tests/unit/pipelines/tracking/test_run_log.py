"""Runs are told in flat names, and a tracker that fails costs a warning, never the run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.errors import ConfigError, DataError
from pipelines.tracking import opening
from pipelines.tracking.configuration import TrackingConfig
from pipelines.tracking.figures import metrics_of, params_of
from pipelines.tracking.opening import open_run_log
from pipelines.tracking.run_log import ForgivingRunLog, NoRunLog
from tests.support.remembered_runs import RememberedRun

ON = TrackingConfig(mlflow="http://tracker")


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> RememberedRun:
    root = RememberedRun()
    monkeypatch.setattr(opening, "_mlflow_run", lambda config, name: root.nested(name))
    return root


def test_figures_are_flat_and_intervals_have_bounds() -> None:
    report = {
        "results": [
            {"model": "als", "metrics": {"ndcg@10": {"mean": 0.3, "low": 0.2, "high": 0.4}}},
            {"model": "two stage", "metrics": {"mrr": {"mean": float("nan"), "low": 1, "high": 2}}},
        ],
        "trials": [{"trial": 1, "value": 3.0}],  # a row without a name says nothing by itself
        "study": "ranker-1",
        "better": True,
        "nothing": None,
    }
    found = metrics_of(report)
    assert found == {
        "results.als.metrics.ndcg_at_10": 0.3,
        "results.als.metrics.ndcg_at_10_low": 0.2,
        "results.als.metrics.ndcg_at_10_high": 0.4,
        "results.two stage.metrics.mrr_low": 1.0,
        "results.two stage.metrics.mrr_high": 2.0,
        "better": 1.0,
    }
    allowed = re.compile(r"[\w\-. /]+")  # what MLflow takes as a name
    assert all(allowed.fullmatch(name) for name in found)
    assert params_of({"a": {"b": 1, "c": {}}, "d": ["x"]}) == {"a.b": 1, "d": '["x"]'}


def test_without_a_tracker_nothing_is_loaded_and_nothing_happens() -> None:
    with open_run_log(TrackingConfig(), "train") as log:
        log.params({"a": 1})
        with log.nested("inner") as inner:
            inner.metrics({"b": 1.0})
    assert isinstance(log, NoRunLog)


def test_what_is_told_arrives_and_the_end_is_told(tracker: RememberedRun, tmp_path: Path) -> None:
    with open_run_log(ON, "tune") as log:
        log.params({"a": 1})
        log.metrics({"b": 2.0})
        log.document("report.json", {"c": 3})
        log.model("ranker", "v1", tmp_path)
        with log.nested("trial 0") as nested:
            nested.metrics({"value": 0.5})
    (run,) = tracker.runs
    assert (run.name, run.ended) == ("tune", "finished")
    assert (run.settings, run.figures, run.documents) == (
        {"a": 1},
        {"b": 2.0},
        {"report.json": {"c": 3}},
    )
    assert run.models == [("ranker", "v1", [])]
    assert [(each.name, each.figures, each.ended) for each in run.runs] == [
        ("trial 0", {"value": 0.5}, "finished")
    ]


def test_a_run_that_fails_is_told_as_failed_and_fails_as_ever(tracker: RememberedRun) -> None:
    def train() -> None:
        with open_run_log(ON, "train") as log:
            log.params({"a": 1})
            raise DataError("too little")

    with pytest.raises(DataError, match="too little"):
        train()
    assert tracker.runs[0].ended == "failed"


@pytest.mark.parametrize("method", ["params", "metrics", "document", "model", "nested"])
def test_a_tracker_that_fails_costs_one_warning(
    tracker: RememberedRun, method: str, tmp_path: Path
) -> None:
    tracker.breaks_at = method
    with capture_logs() as logs, open_run_log(ON, "train") as log:
        for _ in range(3):
            log.params({"a": 1})
            log.metrics({"b": 2.0})
            log.document("report.json", {})
            log.model("ranker", "v1", tmp_path)
            with log.nested("inner") as inner:
                inner.params({})
        reached = True
    assert reached
    assert [each["event"] for each in logs] == ["tracking_failed"]
    assert "nobody answers" in logs[0]["reason"]
    told = tracker.told if method == "nested" else tracker.runs[0].told
    assert told.count(method) == 1  # a dead server is not asked again and again


def test_what_fails_inside_a_nested_run_silences_the_outer_one() -> None:
    root = RememberedRun()
    log = ForgivingRunLog(root)
    with capture_logs() as logs:
        for _ in range(3):
            with log.nested("trial") as nested:
                root.runs[0].breaks_at = "metrics"
                nested.metrics({})
    assert len(root.runs) == len(logs) == 1


def test_the_extra_is_named_where_mlflow_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ConfigError, match=r"segue\[mlflow\]"), open_run_log(ON, "train"):
        pass
