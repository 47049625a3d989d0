"""Import interactions: one row an event."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from core.events import interaction_rules
from core.tables import EVENTS
from core.workspace import Workspace
from pipelines.importers.files import CHUNK_ROWS, fingerprint, read_files
from pipelines.importers.ids import derived_ids
from pipelines.importers.intake import open_intake
from pipelines.importers.options import FileOptions
from pipelines.importers.rejects import open_rejects
from pipelines.importers.report import ImportReport
from pipelines.importers.rows import RowPlan
from pipelines.job import Progress

NAME = "events"
IDENTITY = ("user_id", "track_id", "at", "action")
"""What makes a row itself where a file has no event ids."""


def import_events(
    workspace: Workspace,
    files: Sequence[Path],
    options: FileOptions,
    progress: Progress,
    *,
    now_ms: int,
    chunk_rows: int = CHUNK_ROWS,
) -> ImportReport:
    """Import events from Parquet, CSV or JSON lines, whole or not at all.

    Tracks that are not known are created with nothing but their id, so that no history is lost.

    Args:
        workspace: Where to.
        files: What to read.
        options: How to read it.
        progress: Shows how far it is.
        now_ms: The moment of the import, UTC milliseconds.
        chunk_rows: At most how many rows of Parquet are in memory at a time.

    Raises:
        DataError: If a file cannot be read, or lacks a required column.
        ConfigError: If the options name a column that is not ours.
    """
    started = time.perf_counter()
    plan = RowPlan(
        EVENTS.columns,
        interaction_rules(),
        options.columns,
        options.time_unit,
        defaults={"action": "play"},
    )
    rows_read = good_rows = 0
    chunks = read_files(files, progress, columns=plan.wanted, chunk_rows=chunk_rows)
    with (
        open_rejects(workspace.rejects, NAME, fingerprint(files)) as rejects,
        open_intake(workspace) as intake,
    ):
        for chunk in chunks:
            good, rejected = plan.adopt(chunk)
            rejects.add_rows(chunk, rejected)
            intake.add_events(with_event_ids(good))
            rows_read += len(chunk)
            good_rows += good.height
        intake.commit(now_ms, progress)
    return ImportReport(
        name=NAME,
        rows_read=rows_read,
        imported=intake.events,
        duplicates=good_rows - intake.events,
        rejected=rejects.total,
        reasons=dict(rejects.reasons),
        rejects=rejects.written_to,
        events=intake.events,
        tracks=intake.tracks,
        users=intake.users,
        seconds=time.perf_counter() - started,
    )


def with_event_ids(events: pl.DataFrame) -> pl.DataFrame:
    """Return events that all have an id; the same user, track, time and action give the same."""
    if not events["event_id"].null_count():
        return events
    derived = derived_ids(events, IDENTITY, "i-")
    return events.with_columns(event_id=pl.coalesce("event_id", derived))
