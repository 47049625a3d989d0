"""An experiment is analysed from the warehouse, end to end, and by the public command."""

from __future__ import annotations

import json
import random
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from core.workspace import open_workspace
from pipelines.cli import run
from pipelines.experiments.analysis.looks import looks_at
from pipelines.experiments.analysis.report import AnalysisReport
from pipelines.experiments.analysis.run import (
    Analysis,
    Asked,
    analyse_aggregates,
    analyse_warehouse,
)
from pipelines.experiments.configuration import AnalysisConfig
from pipelines.experiments.measuring.listeners import Arrivals
from pipelines.experiments.measuring.metric_file import read_metrics
from pipelines.experiments.question import Question
from pipelines.experiments.results_page.page import render_page
from pipelines.experiments.statistics.aggregate_file import read_aggregates
from pipelines.job import Silent
from pipelines.traffic import TrafficConfig
from tests.support.experiment_log import DAY_MS, END_MS, KEY, START_MS, Log, blank_log, stored

VARIATIONS = ("control", "fresh", "bold")
QUESTION = Question(
    key=KEY,
    variations=VARIATIONS,
    start_ms=START_MS,
    end_ms=END_MS,
    primary=("listening_hours",),
    guardrails=("skip_rate",),
    secondary=tuple(
        name for name in read_metrics() if name not in ("listening_hours", "skip_rate")
    ),
    margins={"skip_rate": 0.5},  # so few listeners bound no smaller one
    method="fixed_horizon",
)
CONFIG = AnalysisConfig(min_segment_listeners=20, memory_gb=1.0)


def planted_log(listeners: int = 900) -> Log:
    """Fresh is heard half as long again, by listeners on phones alone; bold is skipped more."""
    rng = random.Random(11)
    log = blank_log()
    for number in range(listeners):
        user, arm = f"u{number:05d}", number % 3
        device, other = ("phone", "desktop")[number // 3 % 2], ("on", "off")[rng.randrange(2)]
        exposed = START_MS + rng.randrange(DAY_MS)
        log.expose(user, exposed, VARIATIONS[arm])
        log.expose(user, exposed, other, key="colours")
        taste = rng.gammavariate(6, 1)
        lift = 1.5 if arm == 1 and device == "phone" else 1.0
        days = (START_MS - 3 * DAY_MS, exposed + 1, exposed + DAY_MS, exposed + 3 * DAY_MS)
        for at, gain in zip(days, (1.0, lift, lift, lift), strict=True):
            heard = round(1000 * taste * gain * rng.uniform(0.8, 1.2))
            log.event(user, at, "play", f"t{rng.randrange(12)}", played_ms=heard, device=device)
            skipped = rng.random() < (0.8 if arm == 2 and at > exposed else 0.3)
            log.event(user, at + 1, "skip" if skipped else "finish", device=device)
    return log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(planted_log(), tmp_path_factory.mktemp("planted") / "data")


@pytest.fixture(scope="module")
def analysis(folder: Path) -> Analysis:
    with open_workspace(folder) as workspace:
        asked = Asked(QUESTION, END_MS)
        return analyse_warehouse(workspace.warehouse, asked, CONFIG, TrafficConfig(), Silent())


def test_a_planted_effect_is_found_and_decided_by(analysis: Analysis) -> None:
    report = analysis.report
    assert {row.variation: row.verdict for row in report.decisions} == {
        "fresh": "ship",
        "bold": "stop",
    }
    row = next(r for r in report.metrics if (r.metric, r.variation) == ("listening_hours", "fresh"))
    assert row.relative is not None
    assert row.relative.low is not None
    assert row.relative.high is not None
    assert row.relative.low < 0.25 < row.relative.high
    assert row.variance_kept < 0.5  # what listeners heard before says much of what they hear
    assert [(one.variation, one.listeners) for one in report.listeners] == [
        (name, 300) for name in VARIATIONS
    ]
    assert not report.sample_ratio.is_broken
    assert {one.metric for one in report.metrics} == set(read_metrics())


def test_the_effect_differs_by_device_and_by_nothing_else(analysis: Analysis) -> None:
    report = analysis.report
    assert [
        (row.family, row.metric, row.variation) for row in report.interactions if row.differs
    ] == [("device", "listening_hours", "fresh")]
    (overlap,) = report.overlaps
    assert (overlap.experiment, overlap.listeners) == ("colours", 900)
    assert overlap.independence_p_value > 0.001
    assert report.overlap_interactions
    assert not any(row.differs for row in report.overlap_interactions)


def test_the_effect_shows_by_day_where_listeners_listened(analysis: Analysis) -> None:
    rows = [row for row in analysis.report.novelty if row.variation == "fresh"]
    assert [row.day for row in rows] == list(range(9))  # exposed on day 1 of 10
    clear = [row.day for row in rows if row.difference.low is not None and row.difference.low > 0]
    assert clear == [0, 1, 3]
    assert rows[5].difference.estimate == 0


def test_the_aggregates_say_the_same_by_themselves(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "sums.json"
    path.write_text(analysis.aggregates.model_dump_json())
    again = analyse_aggregates(read_aggregates(path), QUESTION, read_metrics(), END_MS)
    assert again.metrics == analysis.report.metrics
    assert again.decisions == analysis.report.decisions
    assert again.sample_ratio == analysis.report.sample_ratio


def test_nothing_after_the_question_is_asked_counts(folder: Path, analysis: Analysis) -> None:
    with open_workspace(folder) as workspace:
        early = Asked(QUESTION, START_MS + 2 * DAY_MS, brief=True)
        found = analyse_warehouse(workspace.warehouse, early, CONFIG, TrafficConfig(), Silent())
    assert not found.report.is_complete
    hours = {
        name: analysed.aggregates.metrics["listening_hours"]["control"].mean
        for name, analysed in (("early", found), ("late", analysis))
    }
    assert hours["early"] < 0.8 * hours["late"]
    assert found.report.segments == found.report.novelty == []


def test_earlier_looks_are_counted_from_their_times() -> None:
    exposed = np.array([5, 1, 9, 5])
    arrivals = Arrivals(["a", "b", "c", "d"], np.zeros(4, dtype=np.int64), exposed, 10)
    assert looks_at(arrivals, (6, 1, 5, 7)) == (1, 3)


class _Checker(HTMLParser):
    """Refuses what would be loaded from elsewhere, and tags that do not close."""

    VOID = ("meta", "circle", "line", "polyline", "polygon", "rect", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe")
        assert not any(name in ("src", "srcset") for name, _ in attrs)
        assert all((value or "").startswith("#") for name, value in attrs if name == "href")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.VOID or self.open.pop() == tag


def test_the_page_needs_nothing_else_and_escapes_names(analysis: Analysis) -> None:
    evil = analysis.report.model_copy(update={"key": "<b>x</b>"})
    page = render_page(evil)
    checker = _Checker()
    checker.feed(page)
    assert checker.open == []
    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page
    assert "SHIP" in page
    assert "every guardrail within its margin" in page
    assert page.count('class="chart"') == 2


def command(folder: Path, *words: str) -> int:
    return run(["--data", str(folder), "experiment", *words])


def test_the_command_writes_json_page_and_sums(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, page, sums = tmp_path / "spec.json", tmp_path / "page", tmp_path / "sums.json"
    spec.write_text(QUESTION.model_dump_json())
    written = ("--report", str(page), "--save-aggregates", str(sums))
    assert command(folder, "analyze", KEY, "--spec", str(spec), *written, "--json") == 0
    found = AnalysisReport.model_validate_json(capsys.readouterr().out)
    assert {row.variation: row.verdict for row in found.decisions}["fresh"] == "ship"
    assert (page / "index.html").read_text().startswith("<!doctype html>")
    assert AnalysisReport.model_validate_json((page / "report.json").read_text()) == found
    given = ("--from-aggregates", str(sums))
    assert command(folder, "analyze", KEY, "--spec", str(spec), *given, "--json") == 0
    again = AnalysisReport.model_validate_json(capsys.readouterr().out)
    assert again.metrics == found.metrics
    assert command(folder, "analyze", KEY, *given) == 0
    shown = capsys.readouterr().out
    assert "no goal is named" in shown
    assert "listening_hours" in shown


def test_the_command_says_what_is_missing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(folder, "analyze", KEY, "--json") == 2
    assert "give --spec" in json.loads(capsys.readouterr().out)["error"]["message"]
    spec = tmp_path / "spec.json"
    spec.write_text(QUESTION.model_copy(update={"primary": ("joy",)}).model_dump_json())
    assert command(folder, "analyze", KEY, "--spec", str(spec), "--json") == 1
    assert "'joy'" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert command(folder, "analyze", "other", "--spec", str(spec), "--json") == 2
    assert f"is of experiment '{KEY}'" in capsys.readouterr().out


@pytest.mark.parametrize("seen", [("control",), ("fresh", "bold"), VARIATIONS])
def test_an_experiment_in_which_nobody_did_anything_is_held(
    seen: tuple[str, ...], tmp_path: Path
) -> None:
    log = blank_log()
    for number in range(300):
        log.expose(f"u{number}", START_MS, seen[number % len(seen)])
    with open_workspace(stored(log, tmp_path)) as workspace:
        asked = Asked(QUESTION, END_MS)
        found = analyse_warehouse(
            workspace.warehouse, asked, CONFIG, TrafficConfig(), Silent()
        ).report
    is_whole = seen == VARIATIONS
    assert found.sample_ratio.is_broken != is_whole
    # Nothing was heard, so that no share of it and no margin can be told either.
    assert {(row.verdict, row.rule) for row in found.decisions} == {("hold", 7 if is_whole else 1)}
    assert any("skip_rate is not compared" in note for note in found.notes)
    assert "hold" in render_page(found)


def test_triggered_listeners_alone_are_counted(tmp_path: Path) -> None:
    log = blank_log()
    for number in range(600):
        user, arm = f"u{number:04d}", number % 2
        touched = number % 3 == 0
        log.expose(user, START_MS, VARIATIONS[arm], differs=touched if number % 6 < 4 else None)
        heard = 1000 + number % 7 * 100 + (900 * arm if touched else 0)
        log.event(user, START_MS + 5, played_ms=heard)
    question = QUESTION.model_copy(
        update={"variations": VARIATIONS[:2], "guardrails": (), "secondary": ()}
    )
    with open_workspace(stored(log, tmp_path)) as workspace:
        every, chosen = (
            analyse_warehouse(
                workspace.warehouse,
                Asked(question, END_MS, triggered=triggered, brief=True),
                CONFIG,
                TrafficConfig(),
                Silent(),
            ).report
            for triggered in (False, True)
        )
    assert [row.listeners for row in every.listeners] == [300, 300]
    assert [row.listeners for row in chosen.listeners] == [100, 100]
    assert [row.listeners_compared for row in chosen.triggers] == [200, 200]
    diluted, direct = (report.metrics[0].difference.estimate for report in (every, chosen))
    assert direct == pytest.approx(3 * diluted, rel=0.05)
    assert direct == pytest.approx(900 / 3_600_000, rel=0.05)
    assert {row.verdict for row in chosen.decisions} == {"ship"}
