"""Metric files: the ready ones, a team's own, and what is wrong with one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ExperimentError
from pipelines.experiments.measuring.metric_file import chosen_metrics, read_metrics
from ranking.experiments.definitions.metric_names import metric_names

READY = {
    "listening_hours",
    "finish_rate",
    "skip_rate",
    "likes",
    "return_next_day",
    "days_active",
    "generated_share_heard",
    "creator_reach",
    "creator_concentration",
}


def test_the_ready_metrics_can_all_be_guardrails_and_have_a_past() -> None:
    metrics = read_metrics()
    assert set(metric_names()) == READY == set(metrics)  # the service knows the names alone
    assert all(metric.margin and metric.pre_days and metric.about for metric in metrics.values())


def test_a_team_declares_its_own(tmp_path: Path) -> None:
    path = tmp_path / "metrics.toml"
    path.write_text(
        '[metrics.saves]\nnumerator = { where = { action = "save" } }\ndirection = "increase"\n'
        "window_days = 7\ndelay_days = 0.5\n"
    )
    assert metric_names(path) == tuple(read_metrics(path)) == ("saves",)
    metric = read_metrics(path)["saves"]
    assert metric.numerator.where == {"action": ("save",)}
    assert (metric.reach_days, metric.pre_days, metric.kind) == (7.5, 0, "mean")


PLAYS = '{ where = { action = "play" } }'
FAULTS = {
    "an unknown field": (f"numerator = {PLAYS}\ncapp = 0.9", r"metrics\.m\.capp"),
    "an unknown column": ('numerator = { where = { mood = "sad" } }', "no column 'mood'"),
    "an unknown measure": ('numerator = { take = "median" }', r"metrics\.m\.numerator\.take"),
    "a sum of text": ('numerator = { take = "sum", of = "device" }', "cannot be added up"),
    "a sum of nothing": ('numerator = { take = "sum" }', "needs a column"),
    "a filter without values": ("numerator = { where = { action = [] } }", "no value"),
    "a ratio of one": (f'kind = "ratio"\nnumerator = {PLAYS}', "no denominator do not fit"),
    "a mean of two": (f"numerator = {PLAYS}\ndenominator = {PLAYS}", "a denominator do not fit"),
    "a capped share": (f'kind = "share"\ncap = 0.9\nnumerator = {PLAYS}', "nothing to cap"),
    "a low cap": (f"cap = 0.2\nnumerator = {PLAYS}", r"metrics\.m\.cap"),
    "no window": (f"window_days = 0\nnumerator = {PLAYS}", r"metrics\.m\.window_days"),
    "nothing measured": ("", r"metrics\.m\.numerator"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named_with_their_place(name: str, tmp_path: Path) -> None:
    text, told = FAULTS[name]
    path = tmp_path / "metrics.toml"
    path.write_text(f'[metrics.m]\ndirection = "increase"\n{text}\n')
    with pytest.raises(ExperimentError, match=told):
        read_metrics(path)


def test_no_file_no_toml_and_no_metric_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "metrics.toml"
    with pytest.raises(ExperimentError, match="cannot be read"):
        read_metrics(path)
    path.write_text("[metrics")
    with pytest.raises(ExperimentError, match="is not TOML"):
        read_metrics(path)
    path.write_text("[metrics]\n")
    with pytest.raises(ExperimentError, match="metrics"):
        read_metrics(path)


def test_names_that_are_not_declared_are_told_with_those_that_are() -> None:
    with pytest.raises(ExperimentError, match=r"'joy'.*listening_hours"):
        chosen_metrics(read_metrics(), ["likes", "joy"])
    assert list(chosen_metrics(read_metrics(), ["likes", "finish_rate"])) == [
        "likes",
        "finish_rate",
    ]
