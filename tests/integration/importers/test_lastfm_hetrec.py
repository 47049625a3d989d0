"""HetRec Last.fm: a small set in its format, and the real one where it is present."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from core.errors import DataError
from core.schema import tallies
from core.tables import TALLIES, TRACKS, USER_TAGS
from core.workspace import Workspace, open_workspace
from pipelines.importers.lastfm_hetrec import import_lastfm_hetrec
from pipelines.importers.report import ImportReport
from pipelines.job import Silent
from tests.support.shared_data import shared_data

NOW = 1_760_000_000_000
FILES = {
    "artists.dat": 'id\tname\turl\tpictureURL\n1\tÉtienne "E"\thttp://a\tp\n2\tTwo\thttp://b\tp\n',
    "tags.dat": "tagID\ttagValue\n1\trock\n2\ttropicália\n3\tmine\n",
    "user_artists.dat": "userID\tartistID\tweight\n7\t1\t30\n7\t2\t5\n8\t1\t4\n8\t2\t0\n9\t1\n",
    "user_taggedartists.dat": (
        "userID\tartistID\ttagID\tday\tmonth\tyear\n"
        "7\t1\t1\t1\t4\t2009\n8\t1\t1\t1\t4\t2009\n7\t1\t2\t1\t5\t2010\n8\t1\t2\t1\t6\t1956\n"
        "7\t1\t3\t1\t4\t2009\n9\t1\t1\t1\t4\t2009\n7\t5\t1\t1\t4\t2009\n7\t1\t99\t1\t4\t2009\n"
    ),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="latin-1" if name == "tags.dat" else "utf-8")
    return tmp_path


def run(workspace: Workspace, folder: Path) -> ImportReport:
    return import_lastfm_hetrec(workspace, folder, Silent(), now_ms=NOW)


def test_artists_become_tracks_and_weights_become_plays(workspace: Workspace, folder: Path) -> None:
    report = run(workspace, folder)
    assert workspace.warehouse.read(TALLIES).sort("user_id", "track_id").rows() == [
        ("7", "1", 30),
        ("7", "2", 5),
        ("8", "1", 4),
    ]
    with workspace.database.read() as connection:
        rows = connection.execute(sa.select(tallies).order_by(tallies.c.plays)).mappings().all()
    assert [(row["plays"], row["last_at"], row["liked"]) for row in rows] == [
        (4, 0, False),
        (5, 0, False),
        (30, 0, False),
    ]
    first, second, unlisted = workspace.warehouse.read(TRACKS).sort("track_id").to_dicts()
    assert (first["title"], first["artist"], first["creator_id"]) == ('Étienne "E"',) * 2 + ("1",)
    assert json.loads(first["metadata"]) == {"url": "http://a"}
    assert first["tags"] == ["rock", "tropicália"]  # most used first; one voice is no tag
    assert second["tags"] == []
    assert (unlisted["track_id"], unlisted["title"]) == ("5", None)
    assert (report.tracks, report.users) == (3, 3)


def test_broken_rows_go_and_impossible_dates_do_not_take_their_tag(
    workspace: Workspace, folder: Path
) -> None:
    report = run(workspace, folder)
    assert report.reasons == {
        "plays is not between 1 and 9007199254740992": 1,
        "the line has 2 fields, the header 3": 1,
        "tagID does not stand in tags.dat": 1,
    }
    assert report.rows_read == 2 + 5 + 8
    assert report.imported == report.rows_read - 3
    tags = workspace.warehouse.read(USER_TAGS)
    assert len(tags) == 7
    odd = tags.filter((pl.col("user_id") == "8") & (pl.col("tag") == "tropicália"))
    assert odd["at"].to_list() == [None]
    assert tags["at"].null_count() == 1


def test_again_changes_nothing(workspace: Workspace, folder: Path) -> None:
    first = run(workspace, folder)
    before = [workspace.warehouse.fingerprint(table) for table in (TALLIES, TRACKS, USER_TAGS)]
    report = run(workspace, folder)
    assert (report.imported, report.duplicates) == (0, first.imported)
    after = [workspace.warehouse.fingerprint(table) for table in (TALLIES, TRACKS, USER_TAGS)]
    assert after == before


def test_a_missing_file_is_named(workspace: Workspace, folder: Path) -> None:
    (folder / "tags.dat").unlink()
    with pytest.raises(DataError, match=r"lacks tags\.dat"):
        run(workspace, folder)


def test_the_real_data_set_is_whole(workspace: Workspace) -> None:
    report = run(workspace, shared_data("lastfm-hetrec"))
    # The figures of the data set's own readme.
    assert (report.users, report.rejected, report.duplicates) == (1892, 0, 0)
    assert workspace.warehouse.count(TALLIES) == 92_834
    assert workspace.warehouse.count(USER_TAGS) == 186_479
    tracks = workspace.warehouse.read(TRACKS)
    assert tracks.filter(pl.col("title").is_not_null()).height == 17_632
    assert workspace.warehouse.read(USER_TAGS)["at"].null_count() == 5
