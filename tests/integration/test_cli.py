"""The command line as a person and as a program meet it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from core.workspace import open_workspace
from pipelines import cli

COMMANDS = (
    "import",
    "world",
    "train",
    "evaluate",
    "compare",
    "explain",
    "experiment",
    "export",
    "supply",
    "tune",
    "promote",
    "rollback",
    "artifacts",
    "compact",
    "supply",
    "keys",
    "serve",
    "demo",
)
GROUPS = ("import", "world", "experiment", "export", "tune", "supply", "keys")
LEAVES = (
    *(("import", kind) for kind in ("lastfm-hetrec", "yambda", "events", "tracks")),
    ("import", "impressions"),
    ("import", "audio"),
    ("world", "create"),
    ("world", "play"),
    ("evaluate", "audio"),
    ("evaluate", "off-policy"),
    ("experiment", "assign"),
    ("export", "training-set"),
    ("tune", "ranker"),
    *(("supply", name) for name in ("approve", "reject", "stop", "resume", "generate", "briefs")),
    *(("supply", *words) for words in (("briefs", "add"), ("brief", "show"), ("brief", "edit"))),
    *(
        ("supply", kind)
        for kind in ("gaps", "gate", "verdicts", "overrule", "trials", "ledger", "run")
    ),
    *(("keys", name) for name in ("create", "list", "revoke")),
    *((name,) for name in COMMANDS if name not in GROUPS),
)
ROOT = Path(__file__).parents[2]
SEGUE = (sys.executable, "-c", "from pipelines.cli import main; main()")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
# The loop is what the demo shows; how well it learns is asked elsewhere.
SMALL = """
[world.create]
track_seconds = 6
[embeddings.audio.encoder]
epochs = 1
atoms = 32
dim = 24
learned_dim = 8
n_crops = 2
[train.ranker.trees]
trees = 40
"""


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in an empty folder; what one call configures does not reach the next test."""
    monkeypatch.chdir(tmp_path)
    yield
    structlog.reset_defaults()


class Call:
    """What one call printed and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def segue(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str) -> Call:
        code = cli.run(words)
        return Call(code, *capsys.readouterr())

    return call


def test_help_names_every_command(segue: Any) -> None:
    found = segue("--help")
    assert found.code == 0
    assert all(name in found.out for name in COMMANDS)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_explains_itself_and_takes_json(segue: Any, words: tuple[str, ...]) -> None:
    found = segue(*words, "--help")
    assert found.code == 0
    assert "--json" in found.out


def test_version(segue: Any) -> None:
    found = segue("--version")
    assert (found.code, found.out) == (0, "segue 0.1.0\n")


def test_help_loads_nothing_heavy() -> None:
    heavy = ("torch", "implicit", "lightgbm", "faiss", "numpy", "polars", "duckdb", "sqlalchemy")
    code = f"import sys, pipelines.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "words",
    [
        ("fly",),
        ("train", "--fast"),
        ("train", "--seed", "many"),
        ("train", "--only", "embed,taste"),
        ("train", "taste"),
        ("export", "training-set"),
        ("tune", "ranker", "--trials", "0"),
        ("tune", "ranker", "--from", "absent.parquet"),
        ("import", "events"),
        ("import", "lastfm-hetrec", "absent"),
        ("import", "events", "absent.csv"),
        ("import", "events", "here.csv", "--columns", "track_id"),
        ("import", "events", "here.csv", "--time-unit", "days"),
        ("import", "audio", ".", "--metadata", "absent.csv"),
        ("world", "create", "--tracks", "3"),
        ("world", "play", "--control-share", "2"),
        ("evaluate", "--protocol", "guess"),
        ("evaluate", "--seeds", "0"),
        ("compare", "live"),
        ("promote", "--force"),
        ("evaluate", "audio", "--folds", "1"),
        ("evaluate", "audio", "--from", "absent"),
        ("serve", "--port", "99999"),
        ("--config", "absent.toml", "artifacts"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_two_and_touches_nothing(
    segue: Any, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "here.csv").write_text("user_id,track_id,at\n")
    found = segue(*words)
    assert found.code == 2
    assert found.out == ""
    assert found.err.strip()
    assert "Traceback" not in found.err
    found = segue(*words, "--json")
    assert found.code == 2
    assert "message" in found.document["error"]


def test_every_fault_of_the_settings_is_told_at_once(
    segue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "segue.toml").write_text("[feed]\nsize = 0\n[world.create]\ntracs = 9\n[fed]\n")
    monkeypatch.setenv("SEGUE_STOER__URL", "x")
    found = segue("artifacts")
    assert found.code == 2
    for fault in ("feed.size", "world.create.tracs", "[fed]", "SEGUE_STOER__URL"):
        assert fault in found.err


def test_a_failed_job_says_what_why_and_what_next(segue: Any) -> None:
    found = segue("promote")
    assert (found.code, found.out) == (1, "")
    assert "there are no artifacts under" in found.err
    assert "run `segue train` first" in found.err
    assert "Traceback" not in found.err


@pytest.mark.parametrize("words", [("--json", "rollback"), ("rollback", "--json")])
def test_a_failed_job_is_one_document_for_a_machine(segue: Any, words: tuple[str, ...]) -> None:
    found = segue(*words)
    assert found.code == 1
    assert found.document == {
        "error": {
            "kind": "ArtifactError",
            "message": "there is no earlier promotion to roll back to",
        }
    }


def test_what_nobody_expected_is_told_without_a_traceback(
    segue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("[disk] on fire")

    monkeypatch.setattr("pipelines.promotion.list_artifacts", break_down)
    found = segue("artifacts")
    assert (found.code, found.out) == (1, "")
    assert "RuntimeError: [disk] on fire" in found.err
    assert "--debug" in found.err
    assert "Traceback" not in found.err
    assert "Traceback" in segue("artifacts", "--debug").err


def test_an_interruption_ends_with_130(segue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.promotion.list_artifacts", interrupt)
    found = segue("artifacts")
    assert (found.code, found.out) == (130, "")
    assert "Interrupted" in found.err
    assert segue("artifacts", "--json").document["error"]["kind"] == "interrupted"


def test_control_c_stops_a_running_job_in_words(tmp_path: Path) -> None:
    sizes = "--tracks 400 --listeners 20 --days 2"
    process = subprocess.Popen(
        [*SEGUE, "--data", "world", "world", "create", *sizes.split()],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not any(path.is_file() for path in (tmp_path / "world" / "audio").rglob("*")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "Interrupted" in err
    assert "Traceback" not in err
    with open_workspace(tmp_path / "world") as workspace:
        assert all(workspace.warehouse.count(table) == 0 for table in _tables())


def _tables() -> Any:
    from core.tables import WAREHOUSE_TABLES

    return WAREHOUSE_TABLES.values()


def _artifact(data: Path, kind: str, text: str, now_ms: int) -> str:
    def write(folder: Path) -> None:
        (folder / "values.txt").write_text(text)

    with open_workspace(data) as workspace:
        made = workspace.artifacts.create(
            kind, write, now_ms=now_ms, config={}, inputs={}, metrics={"ndcg@10": 0.25}
        )
    return made.version


def test_promote_and_rollback_move_the_live_set(segue: Any, tmp_path: Path) -> None:
    data = tmp_path / "data"
    old = {kind: _artifact(data, kind, "old", 1_767_225_600_000) for kind in ("factors", "ranker")}
    assert segue("promote", "--json").document["versions"] == old
    new = {kind: _artifact(data, kind, "new", 1_767_225_700_000) for kind in ("factors", "ranker")}

    moved = segue("promote", "--kind", "ranker", "--reason", "better", "--json").document
    assert moved["versions"] == {"factors": old["factors"], "ranker": new["ranker"]}
    assert moved["changed"] == {"ranker": f"{old['ranker']} → {new['ranker']}"}
    assert moved["reason"] == "better"

    listed = segue("artifacts", "--json").document
    assert listed["promotion_id"] == moved["promotion_id"]
    live = {(row["kind"], row["version"]) for row in listed["artifacts"] if row["live"]}
    assert live == set(moved["versions"].items())
    assert len(listed["artifacts"]) == 4
    assert {
        row["kind"]
        for row in segue("artifacts", "--kind", "ranker", "--json").document["artifacts"]
    } == {"ranker"}

    assert segue("rollback", "--json").document["versions"] == old
    chosen = segue("promote", "--kind", f"factors={new['factors']}", "--json").document
    assert chosen["versions"] == {"factors": new["factors"], "ranker": old["ranker"]}

    table = segue("artifacts").out
    assert new["factors"] in table
    assert "live" in table


@pytest.mark.parametrize("kind", ["taste", "factors=v0"])
def test_promoting_what_is_not_there_fails_in_words(segue: Any, tmp_path: Path, kind: str) -> None:
    _artifact(tmp_path / "data", "factors", "x", 1_767_225_600_000)
    found = segue("promote", "--kind", kind)
    assert found.code == 1
    assert "there is no artifact" in found.err
    assert segue("artifacts", "--json").document["promotion_id"] is None


def test_an_empty_data_folder_lists_nothing(segue: Any) -> None:
    found = segue("artifacts")
    assert found.code == 0
    assert "segue train" in found.out
    assert segue("artifacts", "--json").document == {"promotion_id": None, "artifacts": []}


def test_the_store_of_the_settings_is_used(
    segue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGUE_STORE__URL", f"sqlite:///{tmp_path}/elsewhere.db")
    assert segue("--data", "place", "artifacts").code == 0
    assert (tmp_path / "elsewhere.db").exists()
    assert not (tmp_path / "place" / "segue.db").exists()


def test_serve_becomes_the_service_with_the_same_data_and_settings(
    segue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _program, words: calls.append(words))
    (tmp_path / "s.toml").write_text("")
    words = ("--data", "d", "--config", "s.toml", "serve", "--port", "81", "--workers", "2")
    assert segue(*words).code == 0
    options = "--data d --host 127.0.0.1 --port 81 --workers 2 --config s.toml"
    assert calls == [[sys.executable, "-P", "-m", "service", *options.split()]]


def test_an_import_reports_what_it_took_and_refused(segue: Any, tmp_path: Path) -> None:
    log = "listener,video,when\nada,t1,2026-01-01T10:00:00Z\nada,,2026-01-01T10:05:00Z\n"
    (tmp_path / "log.csv").write_text(log)
    columns = "user_id=listener,track_id=video,at=when"
    words = ("import", "events", "log.csv", "--columns", columns, "--time-unit", "iso")
    found = segue(*words, "--json")
    assert found.code == 0, found.err
    assert found.document["imported"] == 1
    assert found.document["rejected"] == 1
    again = segue(*words)
    assert again.code == 0
    assert "duplicates" in again.out


def test_a_file_without_its_columns_is_refused_in_words(segue: Any, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    found = segue("import", "events", "log.csv")
    assert found.code == 1
    assert "user_id" in found.err
    assert "--columns" in found.err


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, str]:
    """A small demo in a process of its own: its data, its one document, what it told people."""
    data = tmp_path_factory.mktemp("demo") / "data"
    (data.parent / "segue.toml").write_text(SMALL)
    sizes = "--tracks 24 --listeners 80 --days 8 --no-serve --json"
    done = subprocess.run(
        [*SEGUE, "--data", str(data), "demo", *sizes.split()],
        cwd=data.parent,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return data, json.loads(done.stdout), done.stderr


def test_the_demo_closes_the_loop(demo: tuple[Path, Any, str]) -> None:
    data, document, told = demo
    stages = ["world", "train", "promote", "evaluate", "play", "feed"]
    assert list(document["seconds"]) == stages
    assert all(f"{stage} took" in told for stage in stages)
    models = {result["model"] for result in document["evaluate"]["results"]}
    assert {"popular", "item_knn", "als", "union", "two_stage"} < models
    assert {arm["name"] for arm in document["play"]["arms"]} == {"engine", "popular"}
    slots = document["feed"]["slots"]
    assert [slot["position"] for slot in slots] == list(range(len(slots)))
    assert slots
    assert all(slot["reason"] and slot["title"] for slot in slots)
    with open_workspace(data) as workspace:
        live = workspace.artifacts.live()
    assert live is not None
    assert {"vectors", "index", "factors", "neighbours", "statistics", "ranker"} <= set(
        live.versions
    )


def test_serve_answers_and_prints_one_document(demo: tuple[Path, Any, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*SEGUE, "--data", str(demo[0]), "serve", "--json", "--port", str(port)],
        cwd=demo[0].parent,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    try:
        while not _answers(f"{url}/readyz"):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        assert httpx.get(f"{url}/v1/feed", params={"user_id": "anyone"}).json()["slots"]
    finally:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert json.loads(out) == {"url": url, "data": str(demo[0]), "workers": 1}
    assert process.returncode == 0


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_one_stage_is_trained_by_name_with_settings_of_its_own(segue: Any, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[train.ranker.trees]\nleaves = 31\n")
    for words in (("ranker",), ("--only", "ranker")):
        found = segue("train", *words, "--config", "my.toml")
        assert found.code == 1
        assert "ranker:" in found.err
        assert not any(f"{stage}:" in found.err for stage in ("embed", "factors", "index"))
    (tmp_path / "my.toml").write_text("[train.ranker.trees]\nleafs = 31\n")
    found = segue("train", "ranker", "--config", "my.toml")
    assert found.code == 2
    assert "leafs" in found.err
