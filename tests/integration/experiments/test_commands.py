"""`segue experiment` as teams and programs call it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from pipelines import cli
from tests.support.experiments import document

Segue = Callable[..., tuple[int, Any]]

SPEC = """
key = "fresh-share"
name = "No fresh slots"
hypothesis = "Listeners hear more without them."
owner = "ada"
tags = ["supply"]
layer = "feed"
ranges = [[0.0, 0.5]]
coverage = 0.4
condition = { country = { "$in" = ["DE", "NZ"] } }
forced = { "👩‍🎤" = "none" }

[[variations]]
key = "control"

[[variations]]
key = "none"
name = "None"
feed = { page = { fresh = { share = 0.0 } } }

[metrics]
primary = "listening_hours"
guardrails = ["skip_rate"]

[plan]
method = "group_sequential"
looks = 4
days = 14
listeners = 4_000
smallest_effect = 0.02
power = 0.9
"""


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    Path("spec.toml").write_text(SPEC, encoding="utf-8")
    yield
    structlog.reset_defaults()


@pytest.fixture
def segue(capsys: pytest.CaptureFixture[str]) -> Segue:
    def call(*words: str) -> tuple[int, Any]:
        code = cli.run(["experiment", *words, "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return call


def _refused(segue: Segue, *words: str) -> str:
    code, told = segue(*words)
    assert code in (1, 2)
    return str(told["error"]["message"])


def test_from_a_file_to_the_archive(segue: Segue) -> None:
    code, made = segue("create", "spec.toml", "--who", "ada", "--why", "try")
    assert (code, made["status"], made["revision"]) == (0, "draft", 1)
    assert made["spec"]["forced"] == {"👩‍🎤": "none"}
    assert segue("create", "spec.toml")[1] == made
    made["spec"]["coverage"] = 0.5
    Path("edit.json").write_text(json.dumps(made), encoding="utf-8")
    _, edited = segue("edit", "fresh-share", "edit.json", "--by", "bob")
    assert (edited["revision"], edited["spec"]["coverage"]) == (2, 0.5)
    _, started = segue("start", "fresh-share", "--why", "go", "--who", "ada", "--revision", "2")
    assert (started["status"], started["sdk"]["seed"]) == ("running", "fresh-share@feed")
    _, widened = segue("widen", "fresh-share", "--coverage", "0.9", "--range", "0:0.7")
    assert (widened["status"], widened["spec"]["ranges"]) == ("running", [[0.0, 0.7]])
    assert segue("show", "fresh-share")[1] == widened
    _, listed = segue("list", "--status", "running", "--layer", "feed")
    assert [(one["key"], one["primary"]) for one in listed["experiments"]] == [
        ("fresh-share", "listening_hours")
    ]
    assert segue("list", "--status", "draft")[1] == {"experiments": []}
    assert segue("stop", "fresh-share", "--why", "enough", "--who", "eve")[1]["status"] == "stopped"
    assert segue("archive", "fresh-share", "--who", "eve")[1]["status"] == "archived"
    _, told = segue("history", "fresh-share")
    changes = [(one["action"], one["who"]) for one in told["changes"]]
    assert changes[3] == ("widened", getpass.getuser())
    assert changes[:3] + changes[4:] == [
        ("created", "ada"), ("edited", "bob"), ("started", "ada"), ("stopped", "eve"),
        ("archived", "eve"),
    ]  # fmt: skip
    assert [one["spec"]["coverage"] for one in told["changes"]] == [0.4, 0.5, 0.5, 0.9, 0.9, 0.9]


def test_what_was_started_is_what_assign_splits(segue: Segue) -> None:
    segue("create", "spec.toml")
    _, started = segue("start", "fresh-share", "--why", "go")
    Path("sdk.json").write_text(json.dumps(started["sdk"]), encoding="utf-8")
    people = [{"user_id": f"u{n}", "country": "DE" if n % 2 else "FR"} for n in range(2_000)]
    Path("people.json").write_text(json.dumps(people), encoding="utf-8")
    _, told = segue("assign", "sdk.json", "--ids", "people.json")
    inside = [one["id"] for one in told["assignments"] if one["in_experiment"]]
    assert {int(name[1:]) % 2 for name in inside} == {1}
    assert len(inside) / 1_000 == pytest.approx(0.2, abs=0.05)  # 0.5 of the layer, 0.4 of that


def test_what_is_refused_says_why(segue: Segue) -> None:
    segue("create", "spec.toml")
    segue("edit", "fresh-share", _file("two.json", coverage=0.2), "--revision", "1")
    message = _refused(
        segue, "edit", "fresh-share", _file("three.json", coverage=0.3), "--revision", "1"
    )
    assert "is at revision 2, you started from 1" in message
    assert segue("edit", "fresh-share", "spec.toml")[0] == 2  # it says no revision
    assert "is of 'fresh-share', not of 'other'" in _refused(
        segue, "edit", "other", "spec.toml", "--revision", "1"
    )
    assert "there is no experiment 'other'" in _refused(segue, "show", "other")
    assert segue("start", "fresh-share")[0] == 2  # nobody says why
    assert "start it first" in _refused(segue, "stop", "fresh-share", "--why", "x")
    assert segue("widen", "fresh-share")[0] == 2  # nothing would change
    assert "ranges.0: Value error, [0.5, 0.5) holds no place" in _refused(
        segue, "widen", "fresh-share", "--range", "0.5:0.5"
    )
    segue("start", "fresh-share", "--why", "go")
    assert "variation 0 loses" in _refused(segue, "widen", "fresh-share", "--coverage", "0.1")


def test_a_faulty_file_is_told_field_by_field(segue: Segue) -> None:
    Path("bad.toml").write_text('key = "a b"\nvariations = [{ key = "x", feeds = {} }]\nwhy = 1\n')
    message = _refused(segue, "create", "bad.toml")
    assert [part in message for part in ("key: ", "variations.0.feeds: ", "why: ")] == [True] * 3
    assert "(given: 'a b')" in message
    Path("bad.toml").write_text("key = ")
    assert "cannot be read as TOML" in _refused(segue, "create", "bad.toml")
    Path("bad.json").write_text("[]")
    assert "holds no object" in _refused(segue, "create", "bad.json")


def test_a_start_knows_the_settings_and_the_teams_metrics(segue: Segue) -> None:
    Path("metrics.toml").write_text("[metrics.joy]\nkind = 'mean'\n")
    Path("segue.toml").write_text(
        "[experiments]\nholdout = 0.2\nmetrics = 'metrics.toml'\n[feed]\nsize = 30\n"
    )
    segue("create", "spec.toml")
    message = _refused(segue, "start", "fresh-share", "--why", "go")
    assert message.count("unknown; choose of joy") == 2
    Path("other.json").write_text(json.dumps(document("other", metrics={"primary": "joy"})))
    segue("create", "other.json")
    _, started = segue("start", "other", "--why", "go")
    assert [one["seed"] for one in started["sdk"]["filters"]] == ["holdout"]
    Path("metrics.toml").write_text("x")
    assert "the metric file metrics.toml cannot be read" in _refused(
        segue, "start", "fresh-share", "--why", "go"
    )


def test_people_see_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["experiment", "list"]) == 0
    assert "`segue experiment create FILE` makes one" in capsys.readouterr().out
    assert cli.run(["experiment", "create", "spec.toml", "--why", "we wonder"]) == 0
    assert cli.run(["experiment", "history", "fresh-share"]) == 0
    told = capsys.readouterr().out
    assert "created" in told
    assert "we wonder" in told
    assert " UTC" in told


def _file(name: str, **changes: Any) -> str:
    Path(name).write_text(json.dumps(document(**changes)), encoding="utf-8")
    return name
