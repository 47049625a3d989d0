"""One import's history on its way in: all of it becomes part of store and warehouse, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import polars as pl
import sqlalchemy as sa

from core.schema import events as stored_events
from core.tables import EVENTS, IMPRESSIONS, TALLIES, TRACKS, USER_TAGS
from core.warehouse import Batch
from core.workspace import Workspace
from pipelines.importers.catalogue import (
    Told,
    add_bare_tracks,
    known_track_ids,
    put_tracks,
    snapshot_tracks,
)
from pipelines.job import Progress
from ranking.listeners.record import merge_follows
from ranking.listeners.tallies import merge_tallies, tally, tally_plays


class Intake:
    """Collects what is new, file by file, and commits it in one transaction.

    Args:
        workspace: Where to.
        batch: The warehouse's batch.
    """

    def __init__(self, workspace: Workspace, batch: Batch) -> None:
        self._workspace = workspace
        self._batch = batch
        self._tallies: list[pl.DataFrame] = []
        self._follows: list[pl.DataFrame] = []
        self._told: dict[Told, list[pl.DataFrame]] = {"file": [], "store": []}
        self._track_ids = _no_ids("track_id")
        self._user_ids = _no_ids("user_id")
        self.events = 0
        self.tracks = 0
        with workspace.database.read() as connection:
            self._known = known_track_ids(connection)
            self._posted = _posted_ids(connection)

    @property
    def users(self) -> int:
        """How many listeners the new rows tell of."""
        return self._user_ids.height

    def add_events(self, events: pl.DataFrame) -> pl.DataFrame:
        """Stage events, and return those that are new.

        Args:
            events: Rows of the warehouse's events, each with its id.
        """
        unposted = events.join(self._posted, on="event_id", how="anti", maintain_order="left")
        fresh = self._batch.append(EVENTS, unposted)
        self.events += fresh.height
        if fresh.height:
            self._tallies.append(tally(fresh))
            self._follows.append(fresh.filter(pl.col("action") == "follow"))
            self.note(fresh)
        return fresh

    def add_plays(self, plays: pl.DataFrame) -> pl.DataFrame:
        """Stage play counts whose times nobody recorded, and return those that are new."""
        fresh = self._batch.append(TALLIES, plays)
        if fresh.height:
            self._tallies.append(tally_plays(fresh))
            self.note(fresh)
        return fresh

    def add_slots(self, slots: pl.DataFrame) -> pl.DataFrame:
        """Stage slots that were shown, and return those that are new."""
        fresh = self._batch.append(IMPRESSIONS, slots)
        self.note(fresh)
        return fresh

    def add_tags(self, tags: pl.DataFrame) -> pl.DataFrame:
        """Stage what listeners called tracks, and return what is new."""
        fresh = self._batch.append(USER_TAGS, tags)
        self.note(fresh)
        return fresh

    def add_tracks(self, told: pl.DataFrame, right: Told) -> None:
        """Collect what a file tells of tracks; of each, what is told first holds.

        Args:
            told: Rows of the warehouse's tracks, null where nothing is told; ids may repeat.
            right: Who is right where file and store both know a value.
        """
        if told.height:
            self._told[right].append(_first_told(TRACKS.conform(told)))

    def note(self, rows: pl.DataFrame) -> None:
        """Remember the listeners and tracks of new rows; unknown tracks will be created."""
        users = rows.select("user_id").unique()
        self._user_ids = pl.concat([self._user_ids, users]).unique()
        ids = rows.select("track_id").unique().join(self._known, on="track_id", how="anti")
        self._track_ids = pl.concat([self._track_ids, ids]).unique()

    def commit(
        self, now_ms: int, progress: Progress, also: Callable[[sa.Connection], None] | None = None
    ) -> None:
        """Make everything part of store and warehouse in one transaction.

        Args:
            now_ms: When, for the tracks that change.
            progress: Shows how far it is.
            also: Writes what else belongs to it, once the tracks are written.
        """
        with self._batch.commit() as connection:
            self.tracks = self._write_tracks(connection, now_ms)
            if also is not None:
                also(connection)
            if self.tracks:
                snapshot_tracks(self._workspace, self._batch, connection)
            for frame in self._follows:
                merge_follows(connection, frame)
            for frame in self._tallies:
                merge_tallies(connection, frame, progress.counter("adding up"))

    def _write_tracks(self, connection: sa.Connection, now_ms: int) -> int:
        changed: set[str] = set()
        for right, frames in self._told.items():
            if frames:
                told = _first_told(pl.concat(frames))
                changed |= put_tracks(connection, told, now_ms, right)
        bare = set(self._track_ids["track_id"])
        add_bare_tracks(connection, bare - changed, now_ms)
        return len(changed | bare)


@contextmanager
def open_intake(workspace: Workspace) -> Iterator[Intake]:
    """Yield an intake; what it staged and did not commit is removed at the end of the block."""
    with workspace.warehouse.batch() as batch:
        yield Intake(workspace, batch)


def _first_told(told: pl.DataFrame) -> pl.DataFrame:
    """Return one row a track: of each column the first value that is told."""
    if told["track_id"].is_unique().all():
        return told
    first = pl.all().exclude("track_id").drop_nulls().first()
    return told.group_by("track_id", maintain_order=True).agg(first).select(told.columns)


def _no_ids(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema={name: pl.String})


def _posted_ids(connection: sa.Connection) -> pl.DataFrame:
    """Return the ids of events that were posted and do not stand in the warehouse yet."""
    query = sa.select(stored_events.c.event_id).where(stored_events.c.batch_id.is_(None))
    ids = connection.execute(query).scalars().all()
    return pl.DataFrame({"event_id": ids}, schema={"event_id": pl.String})
