"""Tallies: what all interactions of one listener with one track add up to, by one rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import sqlalchemy as sa

from core.database import upsert_statement
from core.events import Action
from core.schema import tallies

KEYS = ("user_id", "track_id")
COUNTED = {"plays": Action.PLAY, "finishes": Action.FINISH, "skips": Action.SKIP}
OPINIONS = (Action.LIKE, Action.UNLIKE, Action.DISLIKE, Action.UNDISLIKE)
BLOCK_ROWS = 100_000  # rows turned into Python values at a time
COPY_ROWS = 2_000  # from here on PostgreSQL's COPY beats its row by row insert
BULK_CACHE_KIB = 262_144  # a bulk merge in SQLite keeps the table's inner pages in memory

TALLY_SCHEMA = pl.Schema(
    {
        "user_id": pl.String,
        "track_id": pl.String,
        "plays": pl.Int64,
        "finishes": pl.Int64,
        "skips": pl.Int64,
        "liked": pl.Boolean,
        "disliked": pl.Boolean,
        "saved": pl.Boolean,
        "hidden": pl.Boolean,
        "opinion_at": pl.Int64,
        "last_at": pl.Int64,
    }
)


def tally(events: pl.DataFrame) -> pl.DataFrame:
    """Add interactions up, one row a listener and track.

    A listen is one `play` and at most one `finish` or `skip`, each counted for itself. Of like,
    unlike, dislike and undislike the latest decides (of equal times the one further down the
    input): it leaves a like, a dislike or neither. Save, hide and report are never taken back.

    Args:
        events: Columns user_id, track_id, action and at (a time of any unit), at least.

    Returns:
        Rows with the columns of `TALLY_SCHEMA`, in no order; times are UTC milliseconds.
    """
    action = pl.col("action")
    marked = events.select(
        *KEYS,
        **{name: (action == counted).cast(pl.Int64) for name, counted in COUNTED.items()},
        saved=action == Action.SAVE,
        hidden=action.is_in([Action.HIDE, Action.REPORT]),
        last_at=pl.col("at").dt.epoch("ms"),
    )
    totals = marked.group_by(KEYS).agg(
        pl.col(*COUNTED).sum(), pl.col("saved", "hidden").any(), pl.col("last_at").max()
    )
    with_opinions = totals.join(_latest_opinions(events), on=KEYS, how="left")
    filled = with_opinions.with_columns(
        pl.col("liked", "disliked").fill_null(value=False), pl.col("opinion_at").fill_null(0)
    )
    return filled.select(TALLY_SCHEMA.names())


def tally_plays(plays: pl.DataFrame) -> pl.DataFrame:
    """Return the tallies of play counts whose times nobody recorded.

    Args:
        plays: Columns user_id, track_id and plays, one row a pair.
    """
    absent = {
        name: pl.lit(value=False if dtype == pl.Boolean else 0, dtype=dtype)
        for name, dtype in TALLY_SCHEMA.items()
        if name not in (*KEYS, "plays")
    }
    return plays.select(*KEYS, "plays", **absent).select(TALLY_SCHEMA.names())


def merge_tallies(
    connection: sa.Connection,
    frame: pl.DataFrame,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Add tallies to those of the store: counts add up, the newer opinion stands.

    Args:
        connection: Inside a write transaction.
        frame: Rows with the columns of `TALLY_SCHEMA`, a listener and track once.
        advance: Told (done, total) rows as a long merge goes on.
    """
    # In order of the key neighbours share a page, and two writers cannot lock each other out.
    rows = frame.select(TALLY_SCHEMA.names()).sort(KEYS)
    statement = upsert_statement(connection, tallies, _additions(connection))
    if connection.dialect.name == "sqlite":
        _merge_into_sqlite(connection, statement, rows, advance)
    elif rows.height >= COPY_ROWS:
        _merge_by_copy(connection, statement, rows, advance)
    elif rows.height:
        connection.execute(statement, rows.to_dicts())
        advance(rows.height, rows.height)


def _latest_opinions(events: pl.DataFrame) -> pl.DataFrame:
    voiced = events.filter(pl.col("action").is_in(OPINIONS)).sort("at", maintain_order=True)
    latest = voiced.unique(subset=KEYS, keep="last", maintain_order=True)
    return latest.select(
        *KEYS,
        liked=pl.col("action") == Action.LIKE,
        disliked=pl.col("action") == Action.DISLIKE,
        opinion_at=pl.col("at").dt.epoch("ms"),
    )


def _additions(connection: sa.Connection) -> dict[str, Callable[[Any], Any]]:
    """Return column → what it becomes, given the incoming row."""
    greatest = sa.func.max if connection.dialect.name == "sqlite" else sa.func.greatest
    old = tallies.c

    def added(name: str) -> Callable[[Any], Any]:
        return lambda new: old[name] + new[name]

    def either(name: str) -> Callable[[Any], Any]:
        return lambda new: sa.or_(old[name], new[name])

    def newer(name: str) -> Callable[[Any], Any]:
        # Of equal times the incoming one stands: it was told later.
        return lambda new: sa.case(
            (new["opinion_at"] >= old.opinion_at, new[name]), else_=old[name]
        )

    def later(name: str) -> Callable[[Any], Any]:
        return lambda new: greatest(old[name], new[name])

    return {
        **{name: added(name) for name in COUNTED},
        **{name: newer(name) for name in ("liked", "disliked")},
        **{name: either(name) for name in ("saved", "hidden")},
        **{name: later(name) for name in ("opinion_at", "last_at")},
    }


def _merge_into_sqlite(
    connection: sa.Connection,
    statement: sa.Executable,
    rows: pl.DataFrame,
    advance: Callable[[int, int], None],
) -> None:
    # The driver's own tuples, of types it binds as they are: handling each value by SQLAlchemy, or
    # adapting a bool, would take most of the time.
    plain = rows.with_columns(pl.col(pl.Boolean).cast(pl.Int64))
    text = str(statement.compile(dialect=connection.dialect))  # type: ignore[attr-defined]
    before = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size = -{BULK_CACHE_KIB}")
    try:
        for done, block in _blocks(plain):
            connection.exec_driver_sql(text, block)
            advance(done, rows.height)
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size = {before}")


def _merge_by_copy(
    connection: sa.Connection,
    statement: Any,
    rows: pl.DataFrame,
    advance: Callable[[int, int], None],
) -> None:
    columns = TALLY_SCHEMA.names()
    incoming = sa.Table(
        "incoming_tallies",
        sa.MetaData(),
        *(sa.Column(name, tallies.c[name].type) for name in columns),
        prefixes=["TEMPORARY"],
    )
    incoming.create(connection)
    cursor: Any = connection.connection.cursor()  # psycopg's, behind SQLAlchemy's narrower type
    with cursor, cursor.copy(f"COPY incoming_tallies ({', '.join(columns)}) FROM STDIN") as copy:
        for done, block in _blocks(rows):
            for row in block:
                copy.write_row(row)
            advance(done, rows.height)
    connection.execute(statement.from_select(columns, sa.select(incoming)))
    incoming.drop(connection)


def _blocks(rows: pl.DataFrame) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
    """Yield (rows done after it, rows as Python values)."""
    done = 0
    for block in rows.iter_slices(BLOCK_ROWS):
        done += block.height
        yield done, block.rows()
