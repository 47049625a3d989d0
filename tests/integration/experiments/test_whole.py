"""An experiment from its file to its decision by the public commands, in a small world."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from core.tables import EVENTS, EXPOSURES
from core.workspace import open_workspace
from pipelines import cli
from pipelines.job import Silent
from pipelines.world import create
from pipelines.world.config import WorldConfig
from pipelines.world.create import create_world
from tests.support.listening import record_silence

WORLD = WorldConfig(tracks=40, listeners=70, days=3, seed=7, track_seconds=5, workers=1)
SPEC: dict[str, Any] = {
    "key": "page-order",
    "variations": [
        {"key": "control"},
        {"key": "varied", "feed": {"page": {"fresh": {"share": 0.0}, "diversity": 1.0}}},
    ],
    "metrics": {"primary": "finish_rate", "secondary": ["listening_hours", "skip_rate"]},
    "plan": {"days": 14, "smallest_effect": 0.1},
}

Segue = Callable[..., Any]


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world that nobody has played on; for copying."""
    root = tmp_path_factory.mktemp("laid") / "data"
    with pytest.MonkeyPatch.context() as patched, open_workspace(root) as workspace:
        patched.setattr(create, "record_tracks", record_silence)
        create_world(workspace, WORLD, Silent())
    return root


@pytest.fixture
def segue(
    laid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Segue]:
    shutil.copytree(laid, tmp_path / "data")
    monkeypatch.chdir(tmp_path)

    def call(*words: str, fails: bool = False) -> Any:
        code = cli.run([*words, "--json"])
        out = capsys.readouterr().out
        assert (code != 0) == fails, out
        return json.loads(out)

    yield call
    structlog.reset_defaults()


def begun(segue: Segue, **changes: Any) -> None:
    Path("spec.json").write_text(json.dumps(SPEC | changes), encoding="utf-8")
    segue("experiment", "create", "spec.json")
    segue("experiment", "start", "page-order", "--why", "to see")


def played(segue: Segue) -> None:
    segue("world", "play", "--days", "1", "--control-share", "0", "--listeners", "70")
    segue("compact")


def test_played_by_the_world_it_is_analysed_from_what_was_logged(
    segue: Segue, tmp_path: Path
) -> None:
    begun(segue)
    played(segue)
    found = segue("experiment", "analyze", "page-order")
    with open_workspace(tmp_path / "data") as workspace:
        exposed = workspace.warehouse.read(EXPOSURES)
        heard = workspace.warehouse.read(EVENTS)
    listeners = dict(exposed.unique("user_id")["variation"].value_counts().iter_rows())
    assert {row["variation"]: row["listeners"] for row in found["listeners"]} == listeners
    assert min(listeners.values()) > 2
    assert found["sample_ratio"]["p_value"] > 0.001
    assert {row["metric"] for row in found["metrics"]} >= {"finish_rate", "listening_hours"}
    assert len(found["decisions"]) == 1
    assert heard.height > 0
    again = segue("experiment", "show", "page-order")
    assert again["status"] == "running"


def test_a_draft_is_previewed_from_the_pages_of_late(segue: Segue) -> None:
    segue("world", "play", "--days", "1", "--control-share", "0", "--listeners", "30")
    Path("spec.json").write_text(json.dumps(SPEC), encoding="utf-8")
    segue("experiment", "create", "spec.json")
    told = segue("experiment", "analyze", "page-order", fails=True)
    assert "nobody was in it" in told["error"]["message"]
    found = segue("experiment", "preview", "page-order", "--pages", "20", "--beside", "3")
    (varied,) = found["variations"]
    assert varied["variation"] == "varied"
    assert 0 < varied["differing"]["mean"] <= 1
    assert 0 <= varied["replaced"]["mean"] <= varied["differing"]["mean"]
    assert varied["agreement"]["mean"] < 1
    assert [set(page["pages"]) for page in found["beside"]] == [{"control", "varied"}] * 3
    assert all(page["pages"]["control"] != page["pages"]["varied"] for page in found["beside"])


def test_two_that_share_pages_are_told_apart_by_preference(segue: Segue) -> None:
    begun(segue, interleave=True)
    played(segue)
    found = segue("experiment", "analyze", "page-order")
    assert found["variations"] == ["control", "varied"]
    assert sum(found["credits"]) > 0
    result = found["result"]
    assert result["listeners"] <= found["listeners"]
    assert sum(result["wins"]) + result["ties"] == result["listeners"]
    assert found["decision"].split(":")[0] in {"ship varied", "stop", "hold"}
