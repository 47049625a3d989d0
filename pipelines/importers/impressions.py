"""Import impressions: one row a slot that was shown, with what the listener did with it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from core.events import (
    ACTIONS,
    MAX_PLAYED_MS,
    MAX_POSITION,
    id_rules,
    length_rule,
    optional_id_rules,
    range_rule,
    time_rules,
)
from core.tables import EVENTS, IMPRESSIONS, TRACKS, Column
from core.workspace import Workspace
from pipelines.importers.events import IDENTITY
from pipelines.importers.files import CHUNK_ROWS, fingerprint, read_files
from pipelines.importers.ids import derived_ids
from pipelines.importers.intake import Intake, open_intake
from pipelines.importers.options import FileOptions
from pipelines.importers.rejects import open_rejects
from pipelines.importers.report import ImportReport
from pipelines.importers.rows import RowPlan
from pipelines.importers.tracks import property_rules
from pipelines.job import Progress

NAME = "impressions"
OUTCOMES = tuple(Column(name, pl.Boolean, f"Whether `{name}` followed.") for name in ACTIONS)
TOLD_OF_LISTEN = ("played_ms", "track_ms", "is_organic", "session_id", "device")
TOLD_OF_TRACK = tuple(c.name for c in TRACKS.columns if c.name not in ("track_id", "metadata"))
COLUMNS = (
    *IMPRESSIONS.columns,
    *OUTCOMES,
    *(column for column in EVENTS.columns if column.name in TOLD_OF_LISTEN),
    *(column for column in TRACKS.columns if column.name in TOLD_OF_TRACK),
)


def import_impressions(
    workspace: Workspace,
    files: Sequence[Path],
    options: FileOptions,
    progress: Progress,
    *,
    now_ms: int,
    chunk_rows: int = CHUNK_ROWS,
) -> ImportReport:
    """Import slots and their outcomes from Parquet, CSV or JSON lines, whole or not at all.

    The slot goes to the impressions; each outcome that is true becomes an event that names the
    slot's page and position. Tracks that are not known are created with what the rows tell of
    them; of known ones only gaps are filled.

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
    plan = RowPlan(COLUMNS, impression_rules(), options.columns, options.time_unit)
    rows_read = good_rows = imported = 0
    with (
        open_rejects(workspace.rejects, NAME, fingerprint(files)) as rejects,
        open_intake(workspace) as intake,
    ):
        chunks = read_files(files, progress, columns=plan.wanted, chunk_rows=chunk_rows)
        for chunk in chunks:
            good, rejected = plan.adopt(chunk)
            rejects.add_rows(chunk, rejected)
            imported += _add(intake, with_request_ids(good))
            rows_read += len(chunk)
            good_rows += good.height
        intake.commit(now_ms, progress)
    return ImportReport(
        name=NAME,
        rows_read=rows_read,
        imported=imported,
        duplicates=good_rows - imported,
        rejected=rejects.total,
        reasons=dict(rejects.reasons),
        rejects=rejects.written_to,
        events=intake.events,
        tracks=intake.tracks,
        users=intake.users,
        seconds=time.perf_counter() - started,
    )


def impression_rules() -> dict[str, pl.Expr]:
    """Return the rules of a slot with its outcomes."""
    return {
        **id_rules("user_id"),
        **id_rules("track_id"),
        **time_rules("at"),
        **optional_id_rules("request_id"),
        **optional_id_rules("session_id"),
        **length_rule("device"),
        **range_rule("position", 0, MAX_POSITION),
        **range_rule("propensity", 0, 1),
        **range_rule("played_ms", 0, MAX_PLAYED_MS),
        **range_rule("track_ms", 1, MAX_PLAYED_MS),
        **property_rules(),
    }


def with_request_ids(slots: pl.DataFrame) -> pl.DataFrame:
    """Return slots that all name their page; the same listener and time are the same page."""
    if not slots["request_id"].null_count():
        return slots
    derived = derived_ids(slots, ("user_id", "at"), "r-")
    return slots.with_columns(request_id=pl.coalesce("request_id", derived))


def outcomes(slots: pl.DataFrame) -> pl.DataFrame:
    """Return one event for each true outcome, in the order of `ACTIONS` where times are equal.

    Args:
        slots: Distinct slots with their outcomes.
    """
    offered = slots.with_columns(pl.col("is_organic").fill_null(value=False))
    parts = [
        offered.filter(pl.col(action)).with_columns(action=pl.lit(action)) for action in ACTIONS
    ]
    happened = pl.concat(parts)
    ids = derived_ids(happened, (*IDENTITY, "request_id"), "i-")
    return EVENTS.conform(happened.with_columns(event_id=ids))


def _add(intake: Intake, slots: pl.DataFrame) -> int:
    """Stage the slots that are new, what followed, and the tracks; return how many were new."""
    key = list(IMPRESSIONS.key)
    distinct = slots.unique(subset=key, keep="first", maintain_order=True)
    shown = intake.add_slots(distinct).select(key)
    fresh = distinct.join(shown, on=key, how="semi", maintain_order="left")
    intake.add_events(outcomes(fresh))
    told = fresh.with_columns(duration_ms=pl.coalesce("duration_ms", "track_ms"))
    intake.add_tracks(told.select("track_id", *TOLD_OF_TRACK), "store")
    return fresh.height
