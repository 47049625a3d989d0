"""Compaction: what happened moves from the store into the warehouse, exactly once.

Each step is one batch: the rows are staged, then one transaction names the files and marks the
rows as moved. Killed at any moment, a row is either marked and in the warehouse, or neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from core.events import DAY_MS
from core.schema import events, requests
from core.tables import CANDIDATES, EVENTS, EXPOSURES, IMPRESSIONS, TIME, TRACKS
from core.warehouse import Batch
from core.workspace import Workspace
from pipelines.importers.catalogue import snapshot_tracks, stored_tracks
from pipelines.job import Progress, Report
from ranking.pagelog import read_exposures, read_pages

EVENTS_A_STEP = 100_000
PAGES_A_STEP = 1_000  # about half a million candidates with their features
KEEP_DAYS = 45  # longer than an event may be late, so that its id is known when it comes again
MARK_ROWS = 10_000  # ids in one statement; SQLite binds at most 32,766

Rows = Sequence[Mapping[str, Any]]


class CompactReport(Report):
    """What a compaction moved."""

    events: int
    """Interactions that moved."""
    pages: int
    """Served pages that moved."""
    impressions: int
    """Slots on them."""
    candidates: int
    """Candidates they were chosen from."""
    tracks: int
    """Tracks in the new snapshot; 0 where nothing had changed."""
    pruned_events: int
    """Events that the store forgot, long moved."""
    pruned_pages: int
    """Pages that the store forgot, long moved."""
    seconds: float
    """How long it took."""


def compact(
    workspace: Workspace,
    now_ms: int,
    progress: Progress,
    *,
    events_a_step: int = EVENTS_A_STEP,
    pages_a_step: int = PAGES_A_STEP,
) -> CompactReport:
    """Move events and pages that were not moved yet, snapshot the tracks, forget what is old.

    Args:
        workspace: Whose store and warehouse.
        now_ms: The moment of the compaction, UTC milliseconds.
        progress: Shows how far it is.
        events_a_step: At most how many events one batch moves.
        pages_a_step: At most how many pages one batch moves.
    """
    started = time.perf_counter()
    moved_events = _move_events(workspace, progress, events_a_step)
    pages, impressions, candidates = _move_pages(workspace, progress, pages_a_step)
    tracks = _snapshot(workspace)
    before_ms = now_ms - KEEP_DAYS * DAY_MS
    return CompactReport(
        events=moved_events,
        pages=pages,
        impressions=impressions,
        candidates=candidates,
        tracks=tracks,
        pruned_events=_prune(workspace, events, events.c.received_at < before_ms),
        pruned_pages=_prune(workspace, requests, requests.c.at < before_ms),
        seconds=time.perf_counter() - started,
    )


def _move_events(workspace: Workspace, progress: Progress, step: int) -> int:
    columns = [events.c[name] for name in EVENTS.schema.names()]
    order = (events.c.received_at, events.c.event_id)

    def move(batch: Batch, rows: Rows) -> None:
        batch.append(EVENTS, _events_frame(rows))
        _commit(batch, events, events.c.event_id, [row["event_id"] for row in rows])

    return _in_steps(workspace, events, _unmoved(events, columns, order, step), progress, move)


def _move_pages(workspace: Workspace, progress: Progress, step: int) -> tuple[int, int, int]:
    columns = [column for column in requests.c if column.name != "batch_id"]
    order = (requests.c.at, requests.c.request_id)
    impressions = candidates = 0

    def move(batch: Batch, rows: Rows) -> None:
        nonlocal impressions, candidates
        shown, found = read_pages(rows)
        impressions += batch.append(IMPRESSIONS, shown).height
        candidates += batch.append(CANDIDATES, found).height
        batch.append(EXPOSURES, read_exposures(rows))
        _commit(batch, requests, requests.c.request_id, [row["request_id"] for row in rows])

    unmoved = _unmoved(requests, columns, order, step)
    pages = _in_steps(workspace, requests, unmoved, progress, move)
    return pages, impressions, candidates


def _events_frame(rows: Rows) -> pl.DataFrame:
    stored = pl.Schema({**EVENTS.schema, "at": pl.Int64()})
    frame = pl.DataFrame([tuple(row.values()) for row in rows], schema=stored, orient="row")
    return frame.with_columns(pl.col("at").cast(TIME))


def _unmoved(
    table: sa.Table, columns: Sequence[sa.Column[Any]], order: Sequence[sa.Column[Any]], step: int
) -> sa.Select[Any]:
    """Return the query for the next rows that were not moved yet, oldest first."""
    return sa.select(*columns).where(table.c.batch_id.is_(None)).order_by(*order).limit(step)


def _in_steps(
    workspace: Workspace,
    table: sa.Table,
    unmoved: sa.Select[Any],
    progress: Progress,
    move: Callable[[Batch, Rows], None],
) -> int:
    """Move rows, one batch a step, until none is left; return how many moved."""
    total = _pending(workspace, table)
    advance = progress.counter(f"moving {table.name}")
    advance(0, total)
    done = 0
    while True:
        with workspace.warehouse.batch() as batch:
            with workspace.database.read() as connection:
                rows = [dict(row) for row in connection.execute(unmoved).mappings()]
            if not rows:
                return done
            move(batch, rows)
        done += len(rows)
        advance(min(done, total), total)


def _pending(workspace: Workspace, table: sa.Table) -> int:
    count = sa.select(sa.func.count()).select_from(table).where(table.c.batch_id.is_(None))
    with workspace.database.read() as connection:
        return int(connection.execute(count).scalar_one())


def _commit(batch: Batch, table: sa.Table, key: sa.Column[str], ids: Sequence[str]) -> None:
    """Make the batch part of the warehouse and mark its rows as moved, together."""
    with batch.commit() as connection:
        for start in range(0, len(ids), MARK_ROWS):
            block = key.in_(ids[start : start + MARK_ROWS])
            connection.execute(sa.update(table).where(block).values(batch_id=batch.batch_id))


def _snapshot(workspace: Workspace) -> int:
    """Replace the warehouse's tracks where the store's differ; return how many there are."""
    with workspace.warehouse.batch() as batch:
        with workspace.database.read() as connection:
            now = stored_tracks(connection).sort("track_id")
        if now.equals(workspace.warehouse.read(TRACKS).sort("track_id")):
            return 0
        with batch.commit() as connection:
            snapshot_tracks(workspace, batch, connection)
    return now.height


def _prune(workspace: Workspace, table: sa.Table, is_old: sa.ColumnElement[bool]) -> int:
    old = sa.delete(table).where(is_old, table.c.batch_id.is_not(None))
    with workspace.database.write() as connection:
        return int(connection.execute(old).rowcount)
