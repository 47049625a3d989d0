"""Yambda's flat files become plays, finishes, skips and opinions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from core.errors import DataError
from core.schema import tallies
from core.tables import EVENTS, TRACKS
from core.workspace import Workspace, open_workspace
from pipelines.importers.report import ImportReport
from pipelines.importers.yambda import ORIGIN_MS, import_yambda
from pipelines.job import Silent

NOW = 1_760_000_000_000
TYPES = {
    "uid": pl.UInt32,
    "timestamp": pl.UInt32,
    "item_id": pl.UInt32,
    "is_organic": pl.UInt8,
    "played_ratio_pct": pl.UInt16,
    "track_length_seconds": pl.UInt32,
}
LISTENS = [
    (100, 0, 5, 1, 100, 200),
    (100, 205, 5, 0, 29, 200),
    (100, 210, 6, 0, 50, 100),
    (100, 215, 6, 0, 159, 100),
    (100, 215, 6, 0, 3, 100),  # the same five seconds: one listen, heard as the first says
    (200, 5, 5, 1, None, None),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


def write(folder: Path, name: str, rows: list[tuple[int | None, ...]]) -> None:
    schema = dict(list(TYPES.items())[: len(rows[0])])
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(folder / f"{name}.parquet")


def run(workspace: Workspace, folder: Path) -> ImportReport:
    return import_yambda(workspace, folder, Silent(), now_ms=NOW)


def test_listens_become_plays_and_how_they_ended(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path, "listens", LISTENS)
    report = run(workspace, tmp_path)
    assert (report.rows_read, report.imported, report.duplicates) == (6, 5, 1)
    events = workspace.warehouse.read(EVENTS).sort("user_id", "at")
    told = [
        (round(at.timestamp() * 1000) - ORIGIN_MS, action)
        for at, action in events.filter(pl.col("user_id") == "100").select("at", "action").rows()
    ]
    assert sorted(told) == [
        (0, "finish"),
        (0, "play"),
        (205_000, "play"),
        (205_000, "skip"),
        (210_000, "play"),
        (215_000, "finish"),
        (215_000, "play"),
    ]
    plays = events.filter(pl.col("action") == "play")
    assert plays["played_ms"].to_list() == [200_000, 58_000, 50_000, 159_000, None]
    assert plays["track_ms"].to_list() == [200_000, 200_000, 100_000, 100_000, None]
    assert plays["is_organic"].to_list() == [True, False, False, False, True]
    lengths = workspace.warehouse.read(TRACKS).sort("track_id").select("track_id", "duration_ms")
    assert lengths.rows() == [("5", 200_000), ("6", 100_000)]
    again = run(workspace, tmp_path)
    assert (again.imported, again.events, again.tracks) == (0, 0, 0)


def test_of_opinions_at_one_time_the_withdrawal_is_later(
    workspace: Workspace, tmp_path: Path
) -> None:
    write(tmp_path, "likes", [(1, 5, 9, 1), (2, 5, 9, 1), (3, 5, 9, 1)])
    write(tmp_path, "unlikes", [(1, 5, 9, 1)])
    write(tmp_path, "dislikes", [(2, 10, 9, 1), (4, 5, 9, 0)])
    write(tmp_path, "undislikes", [(4, 10, 9, 0)])
    report = run(workspace, tmp_path)
    assert (report.rows_read, report.imported, report.users) == (7, 7, 4)
    query = sa.select(tallies.c.user_id, tallies.c.liked, tallies.c.disliked)
    with workspace.database.read() as connection:
        found = {row.user_id: (row.liked, row.disliked) for row in connection.execute(query)}
    none, liked, disliked = (False, False), (True, False), (False, True)
    assert found == {"1": none, "2": disliked, "3": liked, "4": none}


def test_a_folder_without_its_files_says_so(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has none of listens\.parquet"):
        run(workspace, tmp_path)
    write(tmp_path, "listens", [(1, 2, 3)])
    with_foreign = pl.read_parquet(tmp_path / "listens.parquet").rename({"uid": "user"})
    with_foreign.write_parquet(tmp_path / "listens.parquet")
    with pytest.raises(DataError, match="user"):
        run(workspace, tmp_path)
