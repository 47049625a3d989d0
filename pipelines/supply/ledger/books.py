"""The books: everything that the ledger counts, from warehouse and store, each event once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from core.schema import events as events_table
from core.schema import generation_tasks, requests
from core.schema import tracks as tracks_table
from core.tables import EVENTS, IMPRESSIONS, TALLIES, TIME, Table
from core.warehouse import Warehouse
from core.workspace import Workspace

HEARD = ("user_id", "track_id", "action", "at", "played_ms", "track_ms", "device")
SHOWN = ("user_id", "track_id", "at")
_TRACK = dict.fromkeys(("track_id", "creator_id", "origin", "generator"), pl.String)
_ORDER = {"generator": pl.String, "cost": pl.Float64, "at": pl.Int64}


@dataclass(frozen=True, slots=True, eq=False)
class Books:
    """What happened.

    Args:
        events: user_id, track_id, action, at, played_ms, track_ms, device.
        slots: user_id, track_id, at: what was shown.
        timeless: track_id, plays: listening whose times nobody recorded.
        orders: generator, cost, at: what was ordered.
        tracks: track_id, creator_id, origin, generator, duration_ms.
    """

    events: pl.LazyFrame
    slots: pl.LazyFrame
    timeless: pl.DataFrame
    orders: pl.DataFrame
    tracks: pl.DataFrame


def open_books(workspace: Workspace) -> Books:
    """Read the store, and what it has moved into the warehouse.

    The store is read first: what a compaction moves meanwhile stands in both, and is told by its
    id. Read the other way round it could stand in neither.
    """
    with workspace.database.read() as connection:
        told = _unmoved_events(connection)
        shown = _unmoved_slots(connection)
        orders = _frame(connection, _orders(), _ORDER)
        tracks = _frame(connection, _tracks(), {**_TRACK, "duration_ms": pl.Int64})
    warehouse = workspace.warehouse
    plays = warehouse.scan(TALLIES).group_by("track_id").agg(pl.col("plays").sum())
    return Books(
        events=_both(warehouse, EVENTS, told, "event_id", HEARD),
        slots=_both(warehouse, IMPRESSIONS, shown, "request_id", SHOWN),
        timeless=plays.collect(),
        orders=orders.with_columns(pl.col("at").cast(TIME)),
        tracks=tracks,
    )


def _both(
    warehouse: Warehouse, table: Table, new: pl.DataFrame, key: str, columns: tuple[str, ...]
) -> pl.LazyFrame:
    """Return the rows of the warehouse, and those of the store that are not among them."""
    old = warehouse.scan(table)
    if new.height:
        again = old.select(key).join(new.lazy().select(key).unique(), on=key, how="semi")
        new = new.join(again.unique().collect(engine="streaming"), on=key, how="anti")
    return pl.concat([old.select(columns), new.lazy().select(columns)])


def _unmoved_events(connection: sa.Connection) -> pl.DataFrame:
    names = ("event_id", *HEARD)
    query = sa.select(*(events_table.c[name] for name in names))
    schema = {name: EVENTS.schema[name] for name in names}
    found = _frame(
        connection, query.where(events_table.c.batch_id.is_(None)), {**schema, "at": pl.Int64}
    )
    return found.with_columns(pl.col("at").cast(TIME))


def _unmoved_slots(connection: sa.Connection) -> pl.DataFrame:
    own = requests.c
    query = sa.select(own.request_id, own.user_id, own.at, own.slots)
    rows = [
        (page.request_id, page.user_id, slot["track_id"], page.at)
        for page in connection.execute(query.where(own.batch_id.is_(None)))
        for slot in page.slots
    ]
    schema = dict.fromkeys(("request_id", "user_id", "track_id"), pl.String)
    found = pl.DataFrame(rows, schema={**schema, "at": pl.Int64}, orient="row")
    return found.with_columns(pl.col("at").cast(TIME))


def _orders() -> sa.Select[Any]:
    own = generation_tasks.c
    query = sa.select(own.generator, own.cost, own.created_at)
    return query.where(own.cost > 0).order_by(own.task_id)


def _tracks() -> sa.Select[Any]:
    own = tracks_table.c
    return sa.select(own.track_id, own.creator_id, own.origin, own.generator, own.duration_ms)


def _frame(
    connection: sa.Connection, query: sa.Select[Any], schema: Mapping[str, Any]
) -> pl.DataFrame:
    rows = [tuple(row) for row in connection.execute(query)]
    return pl.DataFrame(rows, schema=dict(schema), orient="row")
