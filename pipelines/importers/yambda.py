"""Import Yambda, the flat layout: listens, likes and dislikes of a music streaming service.

Facts from the data set's card and paper (Yambda-5B, arXiv:2505.22238): `timestamp` counts seconds
in steps of five from an origin that was not published; `is_organic` is 1 where the listener chose;
`played_ratio_pct` is the share of the track that was heard, above 100 where it was wound back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from core.errors import DataError
from core.events import MAX_PLAYED_MS, Action, id_rules, range_rule
from core.tables import EVENTS, TIME, Column
from core.workspace import Workspace
from pipelines.importers.events import with_event_ids
from pipelines.importers.files import CHUNK_ROWS, fingerprint, read_files
from pipelines.importers.intake import Intake, open_intake
from pipelines.importers.rejects import Rejects, open_rejects
from pipelines.importers.report import ImportReport
from pipelines.importers.rows import RowPlan
from pipelines.job import Progress

NAME = "yambda"
FILES = {
    "listens.parquet": Action.PLAY,
    "likes.parquet": Action.LIKE,
    "unlikes.parquet": Action.UNLIKE,
    "dislikes.parquet": Action.DISLIKE,
    "undislikes.parquet": Action.UNDISLIKE,
}
"""File → what each of its rows says happened. Of equal times what stands further down is later."""
ORIGIN_MS = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""Where second 0 is put: the true day is not known, only differences of times mean anything."""
LATEST_S = 10 * 365 * 86_400  # the published range ends at 26,000,000; ten years is no second count
FINISH_PCT = 90  # the end of a track is often silence or applause
SKIP_PCT = 30  # between the two nothing can be said

_SHARED = (
    Column("user_id", pl.String, "The listener.", required=True),
    Column("track_id", pl.String, "The track.", required=True),
    Column("timestamp", pl.Int64, "Seconds from the origin.", required=True),
    Column("is_organic", pl.Boolean, "Whether the listener chose."),
)
_LISTEN = (
    *_SHARED,
    Column("played_ratio_pct", pl.Int64, "Share of the track that was heard."),
    Column("track_length_seconds", pl.Int64, "Length of the track."),
)
_RULES = {
    **id_rules("user_id"),
    **id_rules("track_id"),
    "timestamp is missing": pl.col("timestamp").is_null(),
    **range_rule("timestamp", 0, LATEST_S),
}
_LISTEN_RULES = {
    **_RULES,
    **range_rule("played_ratio_pct", 0, 100_000),
    **range_rule("track_length_seconds", 0, MAX_PLAYED_MS // 1000),
}
_FOREIGN = {"user_id": "uid", "track_id": "item_id"}
OPINIONS = RowPlan(_SHARED, _RULES, _FOREIGN)
LISTENS = RowPlan(_LISTEN, _LISTEN_RULES, _FOREIGN)


def import_yambda(
    workspace: Workspace,
    folder: Path,
    progress: Progress,
    *,
    now_ms: int,
    chunk_rows: int = CHUNK_ROWS,
) -> ImportReport:
    """Import the flat files of one size (50m, 500m or 5b), whole or not at all.

    Args:
        workspace: Where to.
        folder: Holds `listens.parquet`, and those of likes, unlikes, dislikes and undislikes
            that are wanted.
        progress: Shows how far it is.
        now_ms: The moment of the import, UTC milliseconds.
        chunk_rows: At most how many rows are in memory at a time.

    Raises:
        DataError: If none of the files is there, or one cannot be read or lacks a column.
    """
    started = time.perf_counter()
    paths = [folder / name for name in FILES if (folder / name).is_file()]
    if not paths:
        raise DataError(
            f"{folder} has none of {', '.join(FILES)}; give the folder of one size, as flat/50m"
        )
    rows_read = imported = 0
    with (
        open_rejects(workspace.rejects, NAME, fingerprint(paths)) as rejects,
        open_intake(workspace) as intake,
    ):
        for path in paths:
            for n_rows, n_new in _import_file(path, intake, rejects, progress, chunk_rows):
                rows_read += n_rows
                imported += n_new
        intake.commit(now_ms, progress)
    return ImportReport(
        name=NAME,
        rows_read=rows_read,
        imported=imported,
        duplicates=rows_read - rejects.total - imported,
        rejected=rejects.total,
        reasons=dict(rejects.reasons),
        rejects=rejects.written_to,
        events=intake.events,
        tracks=intake.tracks,
        users=intake.users,
        seconds=time.perf_counter() - started,
    )


def listens_to_events(listens: pl.DataFrame) -> pl.DataFrame:
    """Return a play for each listen, and a finish or a skip where the share heard says so.

    Of listens to one track that begin in the same five seconds the first is kept.

    Args:
        listens: user_id, track_id, timestamp, is_organic, played_ratio_pct and
            track_length_seconds.
    """
    length_ms = pl.col("track_length_seconds") * 1000
    played_ms = pl.col("played_ratio_pct") * length_ms // 100
    share = pl.col("played_ratio_pct")
    moment = ["user_id", "track_id", "timestamp"]
    distinct = listens.unique(subset=moment, keep="first", maintain_order=True)
    plays = _at_origin(distinct).with_columns(
        action=pl.lit(Action.PLAY.value),
        track_ms=pl.when(length_ms > 0).then(length_ms),
        played_ms=pl.when(length_ms > 0).then(played_ms.clip(0, MAX_PLAYED_MS)),
    )
    finishes = plays.filter(share >= FINISH_PCT).with_columns(action=pl.lit(Action.FINISH.value))
    skips = plays.filter(share < SKIP_PCT).with_columns(action=pl.lit(Action.SKIP.value))
    return _events(pl.concat([plays, finishes, skips]))


def opinions_to_events(rows: pl.DataFrame, action: Action) -> pl.DataFrame:
    """Return one event of an action for each row."""
    return _events(_at_origin(rows).with_columns(action=pl.lit(action.value)))


def _at_origin(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(at=(pl.col("timestamp") * 1000 + ORIGIN_MS).cast(TIME))


def _events(rows: pl.DataFrame) -> pl.DataFrame:
    named = rows.with_columns(event_id=pl.lit(None, pl.String))
    return EVENTS.conform(with_event_ids(named))


def _import_file(
    path: Path, intake: Intake, rejects: Rejects, progress: Progress, chunk_rows: int
) -> Iterator[tuple[int, int]]:
    """Stage a file and yield (rows read, rows that were new) chunk by chunk."""
    action = FILES[path.name]
    plan = LISTENS if action is Action.PLAY else OPINIONS
    for chunk in read_files([path], progress, columns=plan.wanted, chunk_rows=chunk_rows):
        good, rejected = plan.adopt(chunk)
        rejects.add_rows(chunk, rejected)
        if action is Action.PLAY:
            events = listens_to_events(good)
            lengths = good.filter(pl.col("track_length_seconds") > 0)
            duration_ms = pl.col("track_length_seconds") * 1000
            intake.add_tracks(lengths.select("track_id", duration_ms=duration_ms), "store")
        else:
            events = opinions_to_events(good, action)
        fresh = intake.add_events(events)
        yield len(chunk), fresh.filter(pl.col("action") == action.value).height
