"""Rows of files of every format: mapped, cast, refused one by one, never lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from core.errors import ConfigError, DataError
from core.schema import creators, follows, tallies
from core.tables import EVENTS, IMPRESSIONS, TRACKS
from core.workspace import Workspace, open_workspace
from pipelines.importers.events import import_events
from pipelines.importers.impressions import import_impressions
from pipelines.importers.options import FileOptions
from pipelines.importers.report import ImportReport
from pipelines.importers.tracks import import_tracks
from pipelines.job import Silent

NOW = 1_760_000_000_000
AT = 1_750_000_000_000
JOBS = {"events": import_events, "tracks": import_tracks, "impressions": import_impressions}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


def run(workspace: Workspace, job: str, *files: Path, **options: Any) -> ImportReport:
    return JOBS[job](workspace, list(files), FileOptions(**options), Silent(), now_ms=NOW)


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows in the format of the path's suffix."""
    frame = pl.DataFrame(rows, infer_schema_length=None)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        frame.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
    return path


def rejects_of(report: ImportReport) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(report.rejects).read_text().splitlines()]


def stored_rows(workspace: Workspace, table: sa.Table) -> list[dict[str, Any]]:
    with workspace.database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv", ".jsonl"])
def test_every_format_gives_the_same_events(
    workspace: Workspace, tmp_path: Path, suffix: str
) -> None:
    rows = [
        {"uid": 7, "video": 11, "time": AT // 1000, "action": "play", "position": 0, "own": 1},
        {"uid": 7, "video": 12, "time": AT // 1000 + 60, "action": "like", "own": 0},
    ]
    rows[1]["position"] = None  # a whole number beside a gap is a float to many writers
    file = written(tmp_path / f"f{suffix}", rows)
    columns = {"user_id": "uid", "track_id": "video", "at": "time", "is_organic": "own"}
    report = run(workspace, "events", file, columns=columns, time_unit="s")
    assert (report.rows_read, report.imported, report.rejected) == (2, 2, 0)
    assert (report.tracks, report.users, report.events) == (2, 1, 2)
    found = workspace.warehouse.read(EVENTS).sort("at").to_dicts()
    assert [(row["user_id"], row["track_id"], row["action"]) for row in found] == [
        ("7", "11", "play"),
        ("7", "12", "like"),
    ]
    assert found[0]["at"].timestamp() * 1000 == AT
    assert [row["position"] for row in found] == [0, None]
    assert [row["is_organic"] for row in found] == [True, False]
    # The ids depend on what the rows say, not on the format that said it.
    said = f"7\x1f11\x1f{AT}\x1fplay".encode()
    assert found[0]["event_id"] == "i-" + hashlib.md5(said).hexdigest()[:20]


def test_needed_columns_are_enough(workspace: Workspace, tmp_path: Path) -> None:
    file = written(tmp_path / "f.csv", [{"user_id": "u", "track_id": "t", "at": AT}])
    assert run(workspace, "events", file).imported == 1
    assert stored_rows(workspace, tallies)[0]["plays"] == 1
    assert workspace.warehouse.read(TRACKS).select("track_id", "origin", "status").rows() == [
        ("t", "human", "active")
    ]


def test_broken_rows_are_refused_one_by_one(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    lines = [
        "user_id,track_id,at,action,position",
        f"u,t,{AT},play,1",
        f",t,{AT},play,1",
        "u,t,yesterday,play,1",
        "u,t,5,play,1",
        f"u,t,{AT},listen,1",
        f"u,t,{AT},play,first",
        f"u,t,{AT},play,-1",
        f"u,t,{AT}",
        f"u,t2,{AT},like,",
        f"u,t,{AT},play,1",
    ]
    file.write_text("\n".join(lines))
    report = run(workspace, "events", file)
    assert (report.rows_read, report.imported, report.duplicates, report.rejected) == (10, 2, 1, 7)
    found = {one["line"]: one["reason"] for one in rejects_of(report)}
    assert sorted(found) == [3, 4, 5, 6, 7, 8, 9]
    assert found[3] == "user_id is missing"
    assert found[4] == "at is not a time"
    assert found[5] == "at lies outside 2000 to 2100; check the unit of time"
    assert found[6].startswith("action is not one of play, ")
    assert found[7] == "position is not a whole number"
    assert found[8] == "position is not between 0 and 9999"
    assert found[9] == "the line has 3 fields, the header 5"
    assert report.reasons == dict.fromkeys(found.values(), 1)
    rows = {one["line"]: one["row"] for one in rejects_of(report)}
    assert rows[4] == {**dict.fromkeys(["user_id"], "u"), "track_id": "t", "at": "yesterday"} | {
        "action": "play",
        "position": "1",
    }
    assert rows[9] == f"u,t,{AT}"
    assert {one["file"] for one in rejects_of(report)} == {str(file)}
    assert Path(report.rejects).parent == workspace.rejects


def test_rejects_of_parquet_name_the_row(workspace: Workspace, tmp_path: Path) -> None:
    rows = [{"user_id": u, "track_id": 1, "at": AT} for u in ("a", None, "c")]
    report = run(workspace, "events", written(tmp_path / "f.parquet", rows))
    assert [(one["line"], one["row"]["track_id"]) for one in rejects_of(report)] == [(2, 1)]


def test_a_mended_file_leaves_no_rejects(workspace: Workspace, tmp_path: Path) -> None:
    file = written(tmp_path / "f.csv", [{"user_id": "u", "track_id": "t", "at": AT}])
    report = run(workspace, "events", file)
    assert report.rejects == ""
    assert not workspace.rejects.exists()


def test_missing_columns_are_named_with_those_found(workspace: Workspace, tmp_path: Path) -> None:
    file = written(tmp_path / "f.csv", [{"user_id": "u", "video_id": "t", "time": AT}])
    with pytest.raises(DataError, match="lacks track_id, at; it has the columns user_id, video_id"):
        run(workspace, "events", file)
    with pytest.raises(DataError, match="maps from video"):
        run(workspace, "events", file, columns={"track_id": "video", "at": "time"})
    with pytest.raises(ConfigError, match="names track, which"):
        run(workspace, "events", file, columns={"track": "video_id"})
    assert workspace.warehouse.count(EVENTS) == 0


@pytest.mark.parametrize("name", ["f.parquet", "f.jsonl", "f.csv"])
def test_a_file_that_is_not_its_format_is_refused_whole(
    workspace: Workspace, tmp_path: Path, name: str
) -> None:
    good = written(tmp_path / "good.csv", [{"user_id": "u", "track_id": "t", "at": AT}])
    file = tmp_path / name
    file.write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    with pytest.raises(DataError, match=str(file)):
        run(workspace, "events", good, file)
    assert workspace.warehouse.count(EVENTS) == 0
    assert stored_rows(workspace, tallies) == []
    with pytest.raises(DataError, match="is not a file"):
        run(workspace, "events", tmp_path / "absent.csv")
    with pytest.raises(DataError, match="suffix"):
        run(workspace, "events", written(tmp_path / "f.txt", [{"a": 1}]))


def test_given_event_ids_count_once_across_files(workspace: Workspace, tmp_path: Path) -> None:
    row = {"event_id": "e", "user_id": "u", "track_id": "t", "at": AT}
    one = written(tmp_path / "one.jsonl", [row, {**row, "event_id": None}])
    two = written(tmp_path / "two.jsonl", [row])
    report = run(workspace, "events", one, two)
    assert (report.imported, report.duplicates) == (2, 1)
    ids = set(workspace.warehouse.read(EVENTS)["event_id"])
    assert "e" in ids
    assert all(one == "e" or one.startswith("i-") for one in ids)


def test_tracks_say_what_is_known_and_keep_the_rest(workspace: Workspace, tmp_path: Path) -> None:
    first = {"track_id": 1, "title": "A", "artist": "X", "tags": "rock; pop", "mood": "calm"}
    first |= {"released_at": 1975, "duration_ms": 0, "explicit": "yes"}
    report = run(workspace, "tracks", written(tmp_path / "a.csv", [first]))
    assert (report.imported, report.rejected) == (1, 0)
    track = workspace.warehouse.read(TRACKS).to_dicts()[0]
    assert (track["track_id"], track["title"], track["tags"]) == ("1", "A", ["rock", "pop"])
    assert (track["origin"], track["status"], track["explicit"]) == ("human", "active", True)
    assert (track["released_at"].year, track["duration_ms"]) == (1975, None)
    assert json.loads(track["metadata"]) == {"mood": "calm"}
    assert track["creator_id"] == "X"  # an artist without an id is one
    assert stored_rows(workspace, creators) == [{"creator_id": "X", "name": "X"}]

    second = {"track_id": "1", "genre": "jazz", "key": "C", "title": ""}
    run(workspace, "tracks", written(tmp_path / "b.csv", [second]))
    track = workspace.warehouse.read(TRACKS).to_dicts()[0]
    assert (track["title"], track["genre"], track["tags"]) == ("A", "jazz", ["rock", "pop"])
    assert json.loads(track["metadata"]) == {"mood": "calm", "key": "C"}
    again = run(workspace, "tracks", tmp_path / "b.csv")
    assert (again.imported, again.duplicates) == (0, 1)


def test_a_block_is_never_lifted(workspace: Workspace, tmp_path: Path) -> None:
    for status in ("trial", "blocked", "active"):
        row = {"track_id": "t", "status": status, "title": status}
        run(workspace, "tracks", written(tmp_path / "t.jsonl", [row]))
    track = workspace.warehouse.read(TRACKS).to_dicts()[0]
    assert (track["status"], track["title"]) == ("blocked", "active")


def test_tracks_of_no_known_kind_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    rows = [{"track_id": "a", "origin": "robot"}, {"track_id": "b", "origin": "generated"}]
    report = run(workspace, "tracks", written(tmp_path / "t.csv", rows))
    assert (report.imported, report.rejected) == (1, 1)


SLOTS = [
    {"user_id": "u", "track_id": "t", "at": AT, "position": 0, "play": 1, "like": 0, "finish": 1},
    {"user_id": "u", "track_id": "s", "at": AT, "position": 1, "play": 0, "like": 0, "finish": 0},
    {"user_id": "u", "track_id": "t", "at": AT, "position": 0, "play": 1, "like": 0, "finish": 1},
    {"user_id": "v", "track_id": "t", "at": AT, "position": 0, "play": 1, "like": 1, "finish": 0},
]
TOLD = {"played_ms": 900, "track_ms": 1000, "creator_id": "c", "genre": "folk"}


def test_slots_and_what_followed(workspace: Workspace, tmp_path: Path) -> None:
    file = written(tmp_path / "f.csv", [{**slot, **TOLD, "follow": 1} for slot in SLOTS])
    report = run(workspace, "impressions", file)
    assert (report.rows_read, report.imported, report.duplicates) == (4, 3, 1)
    assert (report.tracks, report.users, report.events) == (2, 2, 7)
    slots = workspace.warehouse.read(IMPRESSIONS).sort("user_id", "position")
    assert slots.select("user_id", "track_id", "position").rows() == [
        ("u", "t", 0),
        ("u", "s", 1),
        ("v", "t", 0),
    ]
    pages = slots["request_id"].to_list()
    assert pages[0] == pages[1] != pages[2]  # one listener at one time is one page
    happened = workspace.warehouse.read(EVENTS).filter(pl.col("action") == "play").sort("user_id")
    expected = {"request_id": pages[0], "position": 0, "played_ms": 900, "track_ms": 1000}
    assert {name: happened.to_dicts()[0][name] for name in expected} == expected
    assert happened["is_organic"].to_list() == [False, False]
    track = workspace.warehouse.read(TRACKS).sort("track_id").to_dicts()[1]
    assert (track["creator_id"], track["genre"], track["duration_ms"]) == ("c", "folk", 1000)
    assert {(row["user_id"], row["creator_id"]) for row in stored_rows(workspace, follows)} == {
        ("u", "c"),
        ("v", "c"),
    }
    again = run(workspace, "impressions", file)
    assert (again.imported, again.events, again.tracks) == (0, 0, 0)


def test_impressions_fill_gaps_and_overrule_nothing(workspace: Workspace, tmp_path: Path) -> None:
    known = {"track_id": "t", "genre": "jazz"}
    run(workspace, "tracks", written(tmp_path / "t.csv", [known]))
    run(workspace, "impressions", written(tmp_path / "f.csv", [{**SLOTS[0], **TOLD}]))
    track = workspace.warehouse.read(TRACKS).to_dicts()[0]
    assert (track["genre"], track["creator_id"]) == ("jazz", "c")
