"""Books for tests of the ledger: a few tracks, and listening as it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from core.events import DAY_MS
from core.tables import EVENTS, IMPRESSIONS, TIME
from pipelines.supply.ledger.books import HEARD, SHOWN, Books

START_MS = 1_767_225_600_000  # 2026-01-01, midnight UTC
TRACK_MS = 100_000

TRACKS = pl.DataFrame(
    {
        "track_id": ["h1", "h2", "h3", "g1", "g2", "a1", "lone", "short"],
        "creator_id": ["star", "star", "small", "generator:x", "small", "star", None, "small"],
        "origin": [*["human"] * 3, "generated", "generated", "assisted", "human", "human"],
        "generator": [None, None, None, "x", "y", "y", None, None],
        "duration_ms": [TRACK_MS] * 6 + [None, 20_000],
    },
    schema={
        **dict.fromkeys(("track_id", "creator_id", "origin", "generator"), pl.String),
        "duration_ms": pl.Int64,
    },
)  # fmt: skip

Event = tuple[str, str, str, int, int | None]
"""(listener, track, action, at in ms after the start, played_ms)"""


def books(
    events: Sequence[Event],
    slots: Sequence[tuple[str, str, int]] = (),
    orders: Sequence[tuple[str, float, int]] = (),
    tracks: pl.DataFrame = TRACKS,
) -> Books:
    """Return the books of what happened."""
    told = [
        dict(zip(("user_id", "track_id", "action", "at", "played_ms"), one, strict=True))
        for one in events
    ]
    shown = [dict(zip(SHOWN, one, strict=True)) for one in slots]
    ordered = pl.DataFrame(
        list(orders),
        schema={"generator": pl.String, "cost": pl.Float64, "at": pl.Int64},
        orient="row",
    )
    return Books(
        events=_frame(told, EVENTS.schema).select(HEARD).lazy(),
        slots=_frame(shown, IMPRESSIONS.schema).select(SHOWN).lazy(),
        timeless=pl.DataFrame(schema={"track_id": pl.String, "plays": pl.Int64}),
        orders=ordered.with_columns((pl.col("at") + START_MS).cast(TIME)),
        tracks=tracks,
    )


def _frame(rows: list[dict[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=pl.Schema({**schema, "at": pl.Int64()}))
    return frame.with_columns((pl.col("at") + START_MS).cast(TIME))


def at(day: int, ms: int = 0) -> int:
    """Return a moment of a day, in ms after the start."""
    return day * DAY_MS + ms
