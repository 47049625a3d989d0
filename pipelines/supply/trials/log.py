"""What was shown and heard out lately, compacted or not: each slot once."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from core.schema import events as events_table
from core.schema import requests
from core.tables import EVENTS, IMPRESSIONS
from core.workspace import Workspace

SLOT = ["request_id", "user_id", "track_id"]
COLUMNS = {
    "request_id": pl.String,
    "user_id": pl.String,
    "track_id": pl.String,
    "at_ms": pl.Int64,
    "position": pl.Int32,
    "is_fresh": pl.Boolean,
}


def shown_slots(workspace: Workspace, since_ms: int, until_ms: int) -> pl.DataFrame:
    """Return the slots served in a span of time, in order, with whether each was heard out.

    Args:
        workspace: Where pages and events are.
        since_ms: From when on.
        until_ms: Up to when, exclusive.

    Returns:
        request_id, user_id, track_id, at_ms, position, is_fresh, heard.
    """
    at_ms = pl.col("at").dt.epoch("ms")
    old = workspace.warehouse.scan(IMPRESSIONS).with_columns(at_ms=at_ms).select(*COLUMNS)
    old = old.filter(pl.col("at_ms").is_between(since_ms, until_ms, closed="left"))
    slots = pl.concat([old.collect(), _recent_slots(workspace, since_ms, until_ms)])
    heard = _heard_out(workspace).with_columns(heard=True)
    told = slots.unique(SLOT, keep="first").join(heard, on=SLOT, how="left")
    whole = told.with_columns(pl.col("heard", "is_fresh").fill_null(value=False))
    return whole.sort("at_ms", "request_id", "position")


def _recent_slots(workspace: Workspace, since_ms: int, until_ms: int) -> pl.DataFrame:
    query = sa.select(requests.c.request_id, requests.c.user_id, requests.c.at, requests.c.slots)
    query = query.where(requests.c.at >= since_ms, requests.c.at < until_ms)
    with workspace.database.read() as connection:
        rows = [
            (page.request_id, page.user_id, slot["track_id"], page.at, slot["position"],
             slot["is_fresh"])
            for page in connection.execute(query)
            for slot in page.slots
        ]  # fmt: skip
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _heard_out(workspace: Workspace) -> pl.DataFrame:
    """Return request_id, user_id, track_id of every slot that was heard out."""
    old = workspace.warehouse.scan(EVENTS).filter(
        pl.col("action") == "finish", pl.col("request_id").is_not_null()
    )
    columns = [events_table.c[name] for name in SLOT]
    query = sa.select(*columns).where(
        events_table.c.action == "finish", events_table.c.request_id.is_not(None)
    )
    with workspace.database.read() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    new = pl.DataFrame(rows, schema=dict.fromkeys(SLOT, pl.String), orient="row")
    return pl.concat([old.select(SLOT).collect(), new]).unique()
