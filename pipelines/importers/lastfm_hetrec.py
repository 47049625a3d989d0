"""Import HetRec 2011 Last.fm: artists play the part of tracks, weights become play counts.

Source: Cantador, Brusilovsky, Kuflik: 2nd Workshop on Information Heterogeneity and Fusion in
Recommender Systems (HetRec 2011), RecSys 2011. Tab-separated files with a header line.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from core.errors import DataError
from core.events import Checked, check_rows, id_rules, range_rule
from core.tables import TALLIES, USER_TAGS, Column
from core.workspace import Workspace
from pipelines.importers.chunks import LINE, Chunk
from pipelines.importers.delimited import read_delimited
from pipelines.importers.files import fingerprint
from pipelines.importers.intake import open_intake
from pipelines.importers.rejects import Rejects, open_rejects
from pipelines.importers.report import ImportReport
from pipelines.importers.rows import RowPlan
from pipelines.job import Progress
from pipelines.listener_tags import common_tags

NAME = "lastfm-hetrec"
FILES = {
    "artists.dat": "utf-8-sig",
    "tags.dat": "latin-1",
    "user_artists.dat": "utf-8-sig",
    "user_taggedartists.dat": "utf-8-sig",
}
"""File → its encoding."""
LEGENDS = ("tags.dat",)
"""Files that only spell out what others say: their rows are not counted for themselves."""
FIRST_TAG = datetime(2005, 1, 1, tzinfo=UTC)
"""Last.fm had no tags before; five rows are dated 1956 to 1979: the tag is kept, the date not."""

ARTISTS = RowPlan(
    (
        Column("track_id", pl.String, "The artist.", required=True),
        Column("title", pl.String, "Its name.", required=True),
        Column("url", pl.String, "Its page."),
    ),
    id_rules("track_id"),
    {"track_id": "id", "title": "name"},
)
TAG_NAMES = RowPlan(
    (
        Column("tag_id", pl.String, "The tag's number.", required=True),
        Column("tag", pl.String, "The tag.", required=True),
    ),
    {**id_rules("tag_id"), **id_rules("tag")},
    {"tag_id": "tagID", "tag": "tagValue"},
)
PLAYS = RowPlan(
    TALLIES.columns,
    {**id_rules("user_id"), **id_rules("track_id"), **range_rule("plays", 1, 2**53)},
    {"user_id": "userID", "track_id": "artistID", "plays": "weight"},
)
TAGGINGS = RowPlan(
    (
        *USER_TAGS.columns[:2],
        Column("tag_id", pl.String, "The tag's number.", required=True),
        *(Column(part, pl.Int64, "Part of the date.") for part in ("day", "month", "year")),
    ),
    {**id_rules("user_id"), **id_rules("track_id"), **id_rules("tag_id")},
    {"user_id": "userID", "track_id": "artistID", "tag_id": "tagID"},
)


class _Reader:
    """Reads the four files, counts their rows and sets the broken ones aside."""

    def __init__(self, folder: Path, rejects: Rejects, progress: Progress) -> None:
        self.rows_read = 0
        self._folder = folder
        self._rejects = rejects
        self._progress = progress

    def read(self, name: str, plan: RowPlan) -> Iterator[tuple[Chunk, pl.DataFrame]]:
        """Yield (chunk, rows that keep the plan's rules)."""
        chunks = read_delimited(self._folder / name, "\t", encoding=FILES[name], quoted=False)
        for chunk in self._progress.track(chunks, f"reading {name}"):
            good = self.kept(chunk, plan.adopt(chunk))
            self.rows_read += len(chunk) - (good.height if name in LEGENDS else 0)
            yield chunk, good

    def kept(self, chunk: Chunk, checked: Checked) -> pl.DataFrame:
        """Return the good rows, writing the others down."""
        self._rejects.add_rows(chunk, checked.rejected)
        return checked.good


def import_lastfm_hetrec(
    workspace: Workspace, folder: Path, progress: Progress, *, now_ms: int
) -> ImportReport:
    """Import the data set whole or not at all.

    Args:
        workspace: Where to.
        folder: The folder of the `.dat` files.
        progress: Shows how far it is.
        now_ms: The moment of the import, UTC milliseconds.

    Raises:
        DataError: If a file is missing or lacks a column.
    """
    started = time.perf_counter()
    paths = [folder / name for name in FILES]
    if missing := [path.name for path in paths if not path.is_file()]:
        raise DataError(
            f"{folder} lacks {', '.join(missing)}; give the folder of the unpacked data set"
        )
    with (
        open_rejects(workspace.rejects, NAME, fingerprint(paths)) as rejects,
        open_intake(workspace) as intake,
    ):
        reader = _Reader(folder, rejects, progress)
        artists = pl.concat(good for _, good in reader.read("artists.dat", ARTISTS))
        plays = [good for _, good in reader.read("user_artists.dat", PLAYS)]
        imported = sum(intake.add_plays(good).height for good in plays)
        tags = _tags(reader, rejects)
        imported += intake.add_tags(tags).height
        intake.add_tracks(_tracks(artists, tags), "file")
        intake.commit(now_ms, progress)
    imported += min(intake.tracks, artists.height)
    return ImportReport(
        name=NAME,
        rows_read=reader.rows_read,
        imported=imported,
        duplicates=reader.rows_read - rejects.total - imported,
        rejected=rejects.total,
        reasons=dict(rejects.reasons),
        rejects=rejects.written_to,
        events=0,
        tracks=intake.tracks,
        users=intake.users,
        seconds=time.perf_counter() - started,
    )


def _tags(reader: _Reader, rejects: Rejects) -> pl.DataFrame:
    """Return who called which track what, and when where that can be."""
    names = pl.concat(good for _, good in reader.read("tags.dat", TAG_NAMES))
    names = names.select("tag_id", "tag").unique("tag_id", keep="first", maintain_order=True)
    known = []
    for chunk, good in reader.read("user_taggedartists.dat", TAGGINGS):
        named = good.join(names, on="tag_id", how="left", maintain_order="left")
        checked = check_rows(named, {"tagID does not stand in tags.dat": pl.col("tag").is_null()})
        rejects.add_rows(
            Chunk(chunk.path, chunk.columns, chunk.rows), checked.rejected.select(LINE, "reason")
        )
        known.append(checked.good)
    date = pl.datetime("year", "month", "day", time_unit="ms", time_zone="UTC")
    dated = pl.concat(known).with_columns(at=_valid_date(date))
    return dated.select(USER_TAGS.schema.names())


def _valid_date(date: pl.Expr) -> pl.Expr:
    return pl.when(date >= FIRST_TAG).then(date)


def _tracks(artists: pl.DataFrame, tags: pl.DataFrame) -> pl.DataFrame:
    """Return what the data set tells of its artists, each with the tags most listeners gave it."""
    named = artists.select(
        "track_id",
        "title",
        artist="title",
        creator_id="track_id",
        metadata=pl.struct("url").struct.json_encode(),
    )
    # Some artists were tagged and are not listed: all that is known of them is their tags.
    return named.join(
        common_tags(tags), on="track_id", how="full", coalesce=True, maintain_order="left"
    )
