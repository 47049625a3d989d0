"""Diary: listens and pages of the world, written as the rows of the tables they belong to."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from core.tables import EVENTS, IMPRESSIONS, TIME

OUTCOMES = ("finish", "skip", "like", "dislike", "save", "follow")
SOURCE = "charts"
SURFACE = "home"
DELAY_MS = {"finish": 0, "skip": 0, "like": 300, "dislike": 300, "save": 900, "follow": 1_200}
"""When an outcome is told, after the listen ended; below the time of a look at the next slot."""


def event_rows(
    listens: pl.DataFrame, user_ids: Sequence[str], track_ids: Sequence[str]
) -> pl.DataFrame:
    """Return the interactions of listens: one `play` each, and one row an outcome.

    Args:
        listens: As `meeting.listens` returns them.
        user_ids: Ids by user row.
        track_ids: Ids by track row.

    Returns:
        Rows conforming to the table of events, in order of time.
    """
    heard = listens.lazy()
    parts = [heard.with_columns(action=pl.lit("play"), told_ms=pl.col("at_ms"))]
    for outcome in OUTCOMES:
        told_ms = pl.col("at_ms") + pl.col("played_ms") + DELAY_MS[outcome]
        parts.append(heard.filter(outcome).with_columns(action=pl.lit(outcome), told_ms=told_ms))
    told = pl.concat(parts).sort("told_ms", "key", "step", "slot", maintain_order=True)
    shown = ~pl.col("chosen")
    rows = told.select(
        pl.format("world-{}-{}-{}-{}", "key", "step", "slot", "action").alias("event_id"),
        _ids("user_row", user_ids).alias("user_id"),
        _ids("track_row", track_ids).alias("track_id"),
        "action",
        pl.col("told_ms").cast(TIME).alias("at"),
        pl.when(shown).then(_request_id()).alias("request_id"),
        pl.when(shown).then("slot").alias("position"),
        "played_ms",
        "track_ms",
        pl.col("chosen").alias("is_organic"),
        pl.format("world-{}", "key").alias("session_id"),
    )
    return EVENTS.conform(rows.collect())  # one query: a page has few rows, a history millions


def impression_rows(
    slots: pl.DataFrame, user_ids: Sequence[str], track_ids: Sequence[str]
) -> pl.DataFrame:
    """Return the impressions of charts pages.

    Args:
        slots: Columns key, step, slot, user_row, track_row, at_ms, weight, propensity.
        user_ids: Ids by user row.
        track_ids: Ids by track row.
    """
    return IMPRESSIONS.conform(
        slots.select(
            _request_id().alias("request_id"),
            _ids("user_row", user_ids).alias("user_id"),
            _ids("track_row", track_ids).alias("track_id"),
            pl.col("at_ms").cast(TIME).alias("at"),
            pl.col("slot").alias("position"),
            pl.lit(SURFACE).alias("surface"),
            pl.lit(SOURCE).alias("source"),
            pl.col("weight").alias("score"),
            "propensity",
            pl.lit(value=False).alias("is_fresh"),
            pl.lit(SOURCE).alias("variant"),
        )
    )


def request_id(key: int, step: int) -> str:
    """Return the id of the page that a session asked for at a step."""
    return f"world-{key}-{step}"


def _request_id() -> pl.Expr:
    return pl.format("world-{}-{}", "key", "step")


def _ids(column: str, ids: Sequence[str]) -> pl.Expr:
    """Return the expression that turns rows into ids."""
    return pl.lit(pl.Series("ids", ids, dtype=pl.String)).gather(pl.col(column))
