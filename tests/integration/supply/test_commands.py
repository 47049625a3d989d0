"""`segue supply` as people and programs call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from pipelines import cli

BRIEF = {
    "title": "Night drive", "prompt": "slow dark synthwave", "tags": ["synthwave"],
    "tempo_bpm": 100, "key": "A minor", "seconds": [4, 4.5], "count": 2,
    "deadline_ms": 4_000_000_000_000,
}  # fmt: skip
Segue = Callable[..., tuple[int, Any]]


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "brief.json").write_text(json.dumps(BRIEF))
    yield
    structlog.reset_defaults()


@pytest.fixture
def segue(capsys: pytest.CaptureFixture[str]) -> Segue:
    def call(*words: str) -> tuple[int, Any]:
        code = cli.run(["supply", *words, "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return call


def _added(segue: Segue) -> str:
    code, found = segue("briefs", "add", "brief.json", "--segment", "s17")
    assert code == 0
    return str(found["brief_id"])


def test_from_a_file_to_tracks(segue: Segue) -> None:
    brief_id = _added(segue)
    assert _added(segue) == brief_id
    assert segue("generate")[1]["planned"] == 0  # nobody approved it
    code, found = segue("approve", brief_id, "--by", "ada", "--note", "yes")
    assert (code, found["briefs"][0]["status"], found["briefs"][0]["decided_by"]) == (
        0, "approved", "ada",
    )  # fmt: skip
    assert segue("approve", brief_id, "--by", "bob")[1] == found
    _, report = segue("generate")
    assert (report["planned"], report["delivered"], report["open"]) == (2, 2, 0)
    assert report["closed"] == [brief_id]
    _, report = segue("generate")
    assert (report["planned"], report["delivered"], report["closed"]) == (0, 0, [])
    _, listed = segue("briefs", "--status", "closed")
    assert [one["brief_id"] for one in listed["briefs"]] == [brief_id]
    assert segue("briefs", "--status", "draft")[1] == {"briefs": []}


def test_a_brief_is_edited_as_it_was_shown(segue: Segue, tmp_path: Path) -> None:
    brief_id = _added(segue)
    _, shown = segue("brief", "show", brief_id)
    shown["brief"]["tempo_bpm"] = 90
    (tmp_path / "edit.json").write_text(json.dumps(shown))
    _, edited = segue("brief", "edit", brief_id, "edit.json")
    assert (edited["revision"], edited["brief"]["tempo_bpm"]) == (2, 90)
    shown["brief"]["tempo_bpm"] = 80
    (tmp_path / "edit.json").write_text(json.dumps(shown))
    code, told = segue("brief", "edit", brief_id, "edit.json")
    assert (code, told["error"]["kind"]) == (1, "ConflictError")
    assert "at revision 2" in told["error"]["message"]
    assert segue("brief", "edit", brief_id, "edit.json", "--revision", "2")[0] == 0
    assert segue("brief", "edit", brief_id, "brief.json")[0] == 2  # it says no revision


def test_a_switch_is_thrown_and_thrown_back(segue: Segue) -> None:
    brief_id = _added(segue)
    segue("approve", brief_id)
    _, found = segue("stop", "synth", "--reason", "too loud", "--by", "ada")
    assert found["switches"][0]["reason"] == "too loud"
    _, report = segue("generate")
    assert report["held"][0]["reason"] == "synth was stopped by ada: too loud"
    assert segue("resume", "synth")[1]["switches"][0]["stopped"] is False
    assert segue("stop", "nobody", "--reason", "r")[0] == 2
    assert segue("stop")[0] == 2  # a reason is needed


def test_a_rejected_brief_stays_rejected(segue: Segue) -> None:
    brief_id = _added(segue)
    segue("reject", brief_id, "--note", "no more of that", "--by", "ada")
    code, told = segue("approve", brief_id)
    assert code == 1
    assert "was rejected by ada" in told["error"]["message"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "no JSON"), ("[]", "no JSON object"), ('{"title": "x"}', "prompt: Field required")],
)
def test_a_file_that_is_no_brief_is_refused(
    segue: Segue, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "bad.json").write_text(text)
    code, told = segue("briefs", "add", "bad.json")
    assert code == 1
    assert said in told["error"]["message"]


def test_a_generator_without_its_key_is_named(
    segue: Segue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MUREKA_API_KEY", raising=False)
    (tmp_path / "segue.toml").write_text('[supply.orders]\ngenerators = ["mureka"]\n')
    code, told = segue("generate")
    assert code == 2
    assert "MUREKA_API_KEY" in told["error"]["message"]
