"""The inbox: complete files only, each once, bad ones aside with their reason."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.workspace import Workspace, open_workspace
from pipelines.supply.generators.folder import Folder, FolderConfig
from pipelines.supply.ordering.turn import TurnReport, take_turn
from tests.support.fake_mureka import tone
from tests.support.supply import START_MS, Clock, approved, arrived, config, tasks, workshop


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def _turn(workspace: Workspace, inbox: Path, clock: Clock | None = None) -> TurnReport:
    maker = Folder(inbox, FolderConfig(inbox=str(inbox)))
    settings = config(orders={"generators": ["folder"]})
    return take_turn(workshop(workspace, {"folder": maker}, clock, settings))


def _drop(inbox: Path, stem: str, number: int = 1, **said: Any) -> None:
    (inbox / f"{stem}.flac").write_bytes(tone(number))
    if said:
        (inbox / f"{stem}.json").write_text(json.dumps(said))


def _files(inbox: Path) -> list[str]:
    return sorted(p.relative_to(inbox).as_posix() for p in inbox.rglob("*") if p.is_file())


def _reasons(inbox: Path) -> list[str]:
    return [path.read_text().strip() for path in sorted(inbox.rglob("reason.txt"))]


def test_a_recording_that_nobody_ordered_becomes_a_track(workspace: Workspace, inbox: Path) -> None:
    _drop(
        inbox, "gift", title="Gift", artist="Ada", origin="assisted", tags=["folk"],
        parents=["t1"], attributes={"style": "folk"}, model="m-1",
    )  # fmt: skip
    assert _turn(workspace, inbox).delivered == 1
    (row,) = arrived(workspace)
    assert (row.title, row.artist, row.creator_id, row.origin) == ("Gift", "Ada", "Ada", "assisted")
    assert (row.tags, row.parents, row.brief_id, row.model) == (["folk"], ["t1"], None, "m-1")
    assert json.loads(row.metadata)["attributes"] == {"style": "folk"}
    assert (row.status, row.prompt) == ("pending", None)
    assert [(t.tracks, t.cost) for t in tasks(workspace)] == [(0, 0.0)]  # no budget is touched
    assert _files(inbox) == []


def test_an_order_lies_in_the_folder_until_it_is_fulfilled(
    workspace: Workspace, inbox: Path
) -> None:
    approved(workspace)
    clock = Clock()
    assert _turn(workspace, inbox, clock).sent == 1
    paper = json.loads((inbox / "orders" / "b-0000.json").read_text())
    assert (paper["order"], paper["brief"]["prompt"]) == ("b-0000", "slow synthwave")
    _drop(inbox, "done", order="b-0000")
    assert _turn(workspace, inbox, clock).delivered == 1
    (row,) = arrived(workspace)
    assert (row.brief_id, row.prompt, row.title) == ("b", "slow synthwave", "Night drive 1")
    assert (row.tags, row.generator, row.origin) == (["synthwave"], "folder", "generated")
    assert _files(inbox) == []


def test_without_a_sidecar_a_file_waits_until_it_rests(workspace: Workspace, inbox: Path) -> None:
    _drop(inbox, "bare")
    now_s = START_MS / 1000
    os.utime(inbox / "bare.flac", (now_s, now_s))
    clock = Clock(START_MS + 29_999)
    assert _turn(workspace, inbox, clock).delivered == 0
    assert _files(inbox) == ["bare.flac"]
    clock.now_ms += 1
    assert _turn(workspace, inbox, clock).delivered == 1
    assert arrived(workspace)[0].title == "bare"


@pytest.mark.parametrize(
    ("audio", "sidecar", "said"),
    [
        (b"no sound at all", "{}", "no audio"),
        (b"", "{}", "no audio"),
        (None, "{", "bad.json cannot be used"),
        (None, '{"origin": "stolen"}', "origin"),
        (None, '{"order": "nobody-0000"}', "the order nobody-0000, which is not open"),
        (None, '{"brief_id": "nobody"}', "the brief nobody, which is not on the desk"),
    ],
)
def test_what_cannot_be_used_is_set_aside_with_its_reason(
    workspace: Workspace, inbox: Path, audio: bytes | None, sidecar: str, said: str
) -> None:
    (inbox / "bad.flac").write_bytes(tone(1) if audio is None else audio)
    (inbox / "bad.json").write_text(sidecar)
    _drop(inbox, "good", 2, title="Good")
    assert _turn(workspace, inbox).delivered == 1
    (reason,) = _reasons(inbox)
    assert said in reason
    assert [name.rsplit("/", 1)[1] for name in _files(inbox)] == [
        "bad.flac", "bad.json", "reason.txt"
    ]  # fmt: skip
    assert all(name.startswith("rejected/") for name in _files(inbox))


def test_the_same_bytes_are_one_track(workspace: Workspace, inbox: Path) -> None:
    _drop(inbox, "one", title="One")
    _turn(workspace, inbox)
    _drop(inbox, "two", title="Two")
    _turn(workspace, inbox)
    assert len(arrived(workspace)) == 1
    assert "its bytes are those of track" in _reasons(inbox)[0]


def test_an_order_survives_a_bad_answer(workspace: Workspace, inbox: Path) -> None:
    approved(workspace)
    clock = Clock()
    _turn(workspace, inbox, clock)
    (inbox / "bad.flac").write_bytes(b"no sound")
    (inbox / "bad.json").write_text('{"order": "b-0000"}')
    _turn(workspace, inbox, clock)
    assert tasks(workspace)[0].status == "submitted"
    _drop(inbox, "good", order="b-0000")
    assert _turn(workspace, inbox, clock).delivered == 1


def test_other_files_are_left_alone(workspace: Workspace, inbox: Path) -> None:
    for name in (".hidden.flac", "notes.txt", "lonely.json"):
        (inbox / name).write_bytes(tone(1))
    _turn(workspace, inbox)
    assert _files(inbox) == [".hidden.flac", "lonely.json", "notes.txt"]


def test_two_workers_take_each_recording_once(workspace: Workspace, inbox: Path) -> None:
    for number in range(12):
        _drop(inbox, f"f{number}", number, title=f"F{number}")
    gate, failures = threading.Barrier(3), []

    def work() -> None:
        gate.wait()
        try:
            _turn(workspace, inbox)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    clock = Clock(START_MS + 3_600_000)
    _turn(workspace, inbox, clock)
    rows = arrived(workspace)
    assert sorted(row.title for row in rows) == sorted(f"F{n}" for n in range(12))
    assert len({row.content_hash for row in rows}) == 12
    assert _files(inbox) == []
