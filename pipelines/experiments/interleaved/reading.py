"""Reads the credits of an interleaved experiment from the warehouse."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from core.errors import DataError
from core.tables import EVENTS, EXPOSURES, IMPRESSIONS
from core.warehouse import Warehouse
from pipelines.experiments.interleaved.credits import Credits, credits_of
from ranking.experiments.serving.comparing import SHARED


def read_credits(
    warehouse: Warehouse,
    experiment: str,
    variations: tuple[str, str],
    *,
    action: str,
    since_ms: int,
    until_ms: int,
) -> Credits:
    """Return what listeners gave each of two variations.

    Args:
        warehouse: Where pages and events are.
        experiment: Its key.
        variations: Keys of the two that share its pages.
        action: What a slot earns a credit by.
        since_ms: Pages from this moment on.
        until_ms: Pages and events before this one.

    Raises:
        DataError: If no page of it was logged.
    """
    since, until = (datetime.fromtimestamp(at / 1000, UTC) for at in (since_ms, until_ms))
    within = pl.col("at").is_between(since, until, closed="left")
    mine = (pl.col("experiment") == experiment) & (pl.col("variation") == SHARED) & within
    pages = warehouse.scan(EXPOSURES).filter(mine).select("request_id").unique().collect()
    if not pages.height:
        raise DataError(
            f"no page that the variations of {experiment!r} share is in the warehouse; let it run, "
            "then `segue compact`"
        )
    key = ("user_id", "request_id", "track_id")
    slots = warehouse.scan(IMPRESSIONS).filter(within).select(*key, "team")
    acted = warehouse.scan(EVENTS).filter(
        (pl.col("action") == action) & pl.col("request_id").is_not_null() & within
    )
    of_pages = pages.lazy()
    return credits_of(
        slots.join(of_pages, on="request_id", how="semi").collect(),
        acted.select(*key).join(of_pages, on="request_id", how="semi").collect(),
        variations,
    )
