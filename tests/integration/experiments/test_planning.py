"""Power and A/A replays are reckoned from the team's own logs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from core.errors import ExperimentError
from core.workspace import open_workspace
from pipelines.cli import run
from pipelines.experiments.configuration import AnalysisConfig
from pipelines.experiments.planning.inflation import inflation
from pipelines.experiments.planning.past import Past, open_past
from pipelines.experiments.planning.power import Plan, plan_power
from pipelines.experiments.planning.selftest import SelfTestConfig, self_test
from pipelines.experiments.sequential.always_valid import critical_value
from pipelines.experiments.sequential.group_sequential import boundaries
from pipelines.experiments.statistics.aggregates import aggregate_listeners
from pipelines.experiments.statistics.contrasts import contrast
from pipelines.experiments.statistics.power import (
    PowerConfig,
    days_needed,
    listeners_needed,
    minimal_effect,
)
from pipelines.job import Silent
from pipelines.traffic import TrafficConfig
from tests.support.experiment_log import DAY_MS, START_MS, Log, blank_log, stored

DAYS = 5
NAMES = ("listening_hours", "finish_rate", "return_next_day")
CONFIG = AnalysisConfig(memory_gb=1.0)


def past_log(listeners: int = 400) -> Log:
    """Listeners come on one of five days, were there before, and some return."""
    rng = random.Random(4)
    log = blank_log()
    for number in range(listeners):
        user, taste = f"u{number:05d}", rng.gammavariate(2, 1)
        first = START_MS + rng.randrange((DAYS - 1) * DAY_MS)
        days = [first - 7 * DAY_MS, first, *([first + DAY_MS + 5] if rng.random() < 0.5 else [])]
        for at in days:
            for play in range(1 + round(taste)):
                heard = round(60_000 * taste * rng.uniform(0.7, 1.3))
                log.event(user, at + play, "play", f"t{play}", played_ms=heard)
                if rng.random() < 0.2 + 0.6 * taste / (2 + taste):
                    log.event(user, at + play, "finish", f"t{play}")
    log.event("last", START_MS + DAYS * DAY_MS - 1, "skip")
    return log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(past_log(), tmp_path_factory.mktemp("past") / "data")


@pytest.fixture(scope="module")
def past(folder: Path) -> Iterator[Past]:
    with (
        open_workspace(folder) as workspace,
        open_past(workspace.warehouse, CONFIG, TrafficConfig(), days=DAYS, names=NAMES) as found,
    ):
        yield found


def test_the_past_is_that_of_listeners_since_they_first_came(past: Past) -> None:
    log = past_log()
    first: dict[str, int] = {}
    for row in log.events:
        if row["at"] >= START_MS:
            first[row["user_id"]] = min(row["at"], first.get(row["user_id"], row["at"]))
    assert past.start_ms == START_MS
    assert past.values.arrivals.user_ids == sorted(first)
    assert past.values.arrivals.exposed_ms.tolist() == [first[user] for user in sorted(first)]
    assert past.traffic() == [
        sum(at < START_MS + day * DAY_MS for at in first.values()) for day in range(1, DAYS + 1)
    ]


def test_power_is_that_of_the_statistics_on_the_measured_past(past: Past) -> None:
    plan = Plan(effect=0.1, days=DAYS, variations=3, share=0.5, method="fixed_horizon")
    report = plan_power(past, plan)
    assert (report.inflation, report.notes) == (1.0, [])
    risks = PowerConfig(alpha=0.025, power=0.8)
    for row in report.metrics:
        columns = past.values.columns(row.metric)
        alone = aggregate_listeners(
            columns.matrix[0], **dict(zip(columns.variables[1:], columns.matrix[1:], strict=True))
        )
        same = contrast(alone, alone)
        assert row.listeners == alone.n
        assert row.level == pytest.approx(same.control)
        assert row.correlation == pytest.approx(np.sqrt(1 - same.variance_kept), abs=1e-6)
        pair = listeners_needed(alone, 0.1 * same.control, risks)
        assert row.listeners_needed == pytest.approx(pair * 1.5, abs=2)
        reach = 2 if row.metric == "return_next_day" else 0
        assert row.listeners_needed is not None
        days = days_needed(row.listeners_needed, past.traffic(), 0.5)
        assert (row.days_needed, row.is_extrapolated) == (days.days + reach, days.is_extrapolated)
        ready = past.traffic()[-1 - reach] * 0.5 * 2 / 3
        assert row.smallest_effect == pytest.approx(
            minimal_effect(alone, ready, risks) / same.control
        )
    assert report.metrics[0].correlation > 0.5  # taste stays a listener's own


@pytest.mark.parametrize("looks", [1, 4])
def test_planned_looks_have_the_power_that_they_are_inflated_to(looks: int) -> None:
    """Simulated sums of listeners cross the boundaries as often as is reckoned."""
    config = PowerConfig()
    factor = inflation("group_sequential", config, looks)
    drift = np.sqrt(factor) * (special.ndtri(0.975) + special.ndtri(0.8))
    shares = np.arange(1, looks + 1) / looks
    steps = np.random.default_rng(6).normal(drift / looks, np.sqrt(1 / looks), (40_000, looks))
    z = steps.cumsum(axis=1) / np.sqrt(shares)
    crossed = (np.abs(z) > boundaries(shares.tolist())).any(axis=1).mean()
    assert crossed == pytest.approx(0.8, abs=0.008)  # four standard errors of 40,000 paths
    assert factor >= 1.0 - 1e-5  # a crossing on the wrong side counts too
    assert inflation("fixed_horizon", config, looks) == 1.0


def test_a_past_without_events_plans_nothing(tmp_path: Path) -> None:
    with open_workspace(tmp_path / "data") as workspace:
        asked = open_past(workspace.warehouse, CONFIG, TrafficConfig(), days=3)
        with pytest.raises(ExperimentError, match="no events to plan from"), asked:
            pass


def test_what_has_no_level_or_no_window_is_told(folder: Path) -> None:
    names = ("likes", "return_next_day")
    with (
        open_workspace(folder) as workspace,
        open_past(workspace.warehouse, CONFIG, TrafficConfig(), days=1, names=names) as past,
    ):
        report = plan_power(past, Plan(days=1))
        tested = self_test(past, SelfTestConfig(replays=20), Silent())
    assert report.metrics == []
    assert [note.split(":")[0] for note in report.notes] == ["likes", "return_next_day"]
    assert "window is over" in tested.notes[0]


def test_replays_reject_as_often_as_they_claim_and_intervals_hold_what_was_planted(
    past: Past,
) -> None:
    config = SelfTestConfig(replays=250, days=DAYS, seed=3)
    report = self_test(past, config, Silent())
    assert report.outside == []
    assert [row.metric for row in report.metrics] == list(NAMES)
    for row in report.metrics:
        assert row.relative_coverage is not None
        for rate, claimed in (
            (row.false_positives, 0.05),
            (row.coverage, 0.95),
            (row.relative_coverage, 0.95),
        ):
            assert abs(rate.mean - claimed) < 0.055  # four standard errors of 250 replays
            assert rate.low < rate.mean < rate.high
    assert self_test(past, config, Silent()) == report


def test_a_metric_that_hangs_on_one_listener_falls_outside(tmp_path: Path) -> None:
    log = past_log(60)
    log.event("u00001", START_MS + DAY_MS, "play", played_ms=80_000_000)
    path = tmp_path / "metrics.toml"
    path.write_text(
        "[metrics.raw_hours]\ndirection = 'increase'\n"
        "numerator = { take = 'sum', of = 'played_ms' }\n"
    )
    config = AnalysisConfig(memory_gb=1.0, metrics=path)
    free = TrafficConfig(hours_a_day=24)
    with (
        open_workspace(stored(log, tmp_path / "data")) as workspace,
        open_past(workspace.warehouse, config, free, days=DAYS) as past,
    ):
        report = self_test(past, SelfTestConfig(replays=200), Silent())
    # All weight on one listener: the two halves always differ, and t never calls it certain.
    assert report.outside == ["raw_hours"]
    assert report.metrics[0].false_positives.mean < 0.02


def test_the_commands_tell_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", str(folder), "experiment"]
    named = [word for name in NAMES for word in ("--metric", name)]
    asked = ["--effect", "0.1", "--days", str(DAYS), "--method", "fixed_horizon"]
    assert run([*words, "power", *asked, *named, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["metric"] for row in document["metrics"]] == list(NAMES)
    assert document["plan"]["effect"] == 0.1
    assert run([*words, "selftest", "--replays", "20", "--days", str(DAYS), *named, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["metric"] for row in document["metrics"]] == list(NAMES)
    assert document["config"]["replays"] == 20
    assert run([*words, "power", "--metric", "joy", "--json"]) == 1
    assert "'joy'" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_one_look_of_the_always_valid_test_is_reckoned_by_its_own_bound() -> None:
    """At n listeners tuned to n, power is the chance to pass the bound at that look."""
    config = PowerConfig(alpha=0.05, power=0.9)
    factor = inflation("always_valid", config, 1)
    drift = np.sqrt(factor) * (special.ndtri(0.975) + special.ndtri(0.9))
    assert special.ndtr(drift - critical_value(5_000, 0.05, 5_000)) == pytest.approx(0.9)
