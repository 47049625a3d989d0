"""Import tracks: one row a track, whatever else it says kept as metadata."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from core.events import MAX_PLAYED_MS, id_rules, length_rule, optional_id_rules, range_rule
from core.tables import TRACKS
from core.workspace import Workspace
from pipelines.importers.chunks import LINE, Chunk
from pipelines.importers.files import fingerprint, read_files
from pipelines.importers.intake import open_intake
from pipelines.importers.options import FileOptions
from pipelines.importers.rejects import open_rejects
from pipelines.importers.report import ImportReport
from pipelines.importers.rows import RowPlan
from pipelines.job import Progress

NAME = "tracks"
ORIGINS = ("human", "generated", "assisted")
STATUSES = ("pending", "trial", "active", "retired", "blocked")


def import_tracks(
    workspace: Workspace,
    files: Sequence[Path],
    options: FileOptions,
    progress: Progress,
    *,
    now_ms: int,
) -> ImportReport:
    """Import tracks from Parquet, CSV or JSON lines, whole or not at all.

    What a file says of a known track replaces what was known; what it does not say stays. A
    blocked track stays blocked.

    Args:
        workspace: Where to.
        files: What to read.
        options: How to read it.
        progress: Shows how far it is.
        now_ms: The moment of the import, UTC milliseconds.

    Raises:
        DataError: If a file cannot be read, or lacks a required column.
        ConfigError: If the options name a column that is not ours.
    """
    started = time.perf_counter()
    plan = RowPlan(TRACKS.columns, track_rules(), options.columns, options.time_unit)
    rows_read = good_rows = 0
    with (
        open_rejects(workspace.rejects, NAME, fingerprint(files)) as rejects,
        open_intake(workspace) as intake,
    ):
        for chunk in read_files(files, progress):
            good, rejected = plan.adopt(chunk)
            rejects.add_rows(chunk, rejected)
            intake.add_tracks(with_metadata(good, chunk, plan), "file")
            rows_read += len(chunk)
            good_rows += good.height
        intake.commit(now_ms, progress)
    return ImportReport(
        name=NAME,
        rows_read=rows_read,
        imported=intake.tracks,
        duplicates=good_rows - intake.tracks,
        rejected=rejects.total,
        reasons=dict(rejects.reasons),
        rejects=rejects.written_to,
        events=0,
        tracks=intake.tracks,
        users=0,
        seconds=time.perf_counter() - started,
    )


def track_rules() -> dict[str, pl.Expr]:
    """Return the rules of a row of the tracks table."""
    return {**id_rules("track_id"), **property_rules()}


def property_rules() -> dict[str, pl.Expr]:
    """Return the rules of what may be said of a track beside its id."""
    return {
        **optional_id_rules("creator_id"),
        **length_rule("language"),
        **range_rule("duration_ms", 1, MAX_PLAYED_MS),
        f"origin is not one of {', '.join(ORIGINS)}": _is_other("origin", ORIGINS),
        f"status is not one of {', '.join(STATUSES)}": _is_other("status", STATUSES),
    }


def with_metadata(good: pl.DataFrame, chunk: Chunk, plan: RowPlan) -> pl.DataFrame:
    """Return the rows with every column of the file that is not ours as a JSON object.

    Args:
        good: The rows that were adopted, with `LINE`.
        chunk: What they were read from.
        plan: How they were read.
    """
    others = [name for name in chunk.columns if name not in plan.wanted]
    if not others:
        return good
    told = good.select(LINE, "metadata").join(
        chunk.rows.select(LINE, *others), on=LINE, how="left", maintain_order="left"
    )
    texts = [
        _document(metadata, dict(zip(others, values, strict=True)))
        for _, metadata, *values in told.iter_rows()
    ]
    return good.with_columns(pl.Series("metadata", texts, dtype=pl.String))


def _document(metadata: str | None, others: dict[str, Any]) -> str | None:
    told = {name: value for name, value in others.items() if value not in (None, "")}
    if metadata is not None:
        told = {**told, "metadata": metadata}
    if not told:
        return None
    return json.dumps(told, sort_keys=True, ensure_ascii=False, default=str)


def _is_other(name: str, allowed: tuple[str, ...]) -> pl.Expr:
    return (~pl.col(name).is_in(allowed)).fill_null(value=False)
