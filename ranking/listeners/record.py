"""Interactions as they happen: each counted once in the store, or refused with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import polars as pl
import sqlalchemy as sa

from core.database import Database, upsert, upsert_statement
from core.events import DAY_MS, Action, Interaction
from core.schema import events, follows, tracks
from core.tables import TIME
from ranking.listeners.tallies import merge_tallies, tally
from ranking.supply.trials import count_finishes

AHEAD_MS = DAY_MS  # a client's clock may be wrong, or in another zone by mistake
BEHIND_DAYS = 30  # the store forgets an event's id after 45 days; later it would count twice
LOOKUP_IDS = 10_000  # ids asked for in one statement; SQLite binds at most 32,766

UNKNOWN_TRACK = "unknown track_id"
IN_FUTURE = "at lies in the future"
TOO_OLD = f"at is older than {BEHIND_DAYS} days; import it with `segue import events`"

_FRAME_SCHEMA = {"user_id": pl.String, "track_id": pl.String, "action": pl.String, "at": pl.Int64}


class Verdict(NamedTuple):
    """What became of one event.

    Args:
        event_id: Which.
        status: Taken now, known already, or refused.
        reason: Why it was refused; "" otherwise.
    """

    event_id: str
    status: Literal["accepted", "duplicate", "rejected"]
    reason: str = ""


def record_interactions(
    database: Database, interactions: Sequence[Interaction], received_at_ms: int
) -> tuple[Verdict, ...]:
    """Record interactions in one transaction; each id counts once, however often it is delivered.

    Args:
        database: The store.
        interactions: In the order they were told.
        received_at_ms: When they arrived, UTC milliseconds.

    Returns:
        One verdict an interaction, in order.

    Raises:
        StoreUnavailableError: If the store cannot take them; then none was taken.
    """
    if not interactions:
        return ()
    with database.write() as connection:
        creators = _creators(connection, {one.track_id for one in interactions})
        refused = [_refusal(one, creators, received_at_ms) for one in interactions]
        allowed = [one for one, why in zip(interactions, refused, strict=True) if not why]
        fresh = _insert_new(connection, allowed, received_at_ms)
        if fresh:
            frame = _frame(fresh.values())
            merge_tallies(connection, tally(frame))
            merge_follows(connection, frame)
            count_finishes(connection, fresh.values())
    return tuple(_verdicts(interactions, refused, fresh))


def merge_follows(connection: sa.Connection, frame: pl.DataFrame) -> None:
    """Let listeners follow the creators of the tracks where they chose to; the first time stands.

    Args:
        connection: Inside a write transaction in which the tracks stand.
        frame: Events with columns user_id, track_id, action and at; any actions.
    """
    chosen = frame.filter(pl.col("action") == Action.FOLLOW)
    creators = _creators(connection, chosen["track_id"].unique().to_list())
    first: dict[tuple[str, str], int] = {}
    moments = chosen.select("user_id", "track_id", pl.col("at").dt.epoch("ms")).sort("at")
    for user_id, track_id, at_ms in moments.iter_rows():
        if creator_id := creators.get(track_id):
            first.setdefault((user_id, creator_id), at_ms)
    rows = [{"user_id": u, "creator_id": c, "at": at} for (u, c), at in sorted(first.items())]
    upsert(connection, follows, rows)


def _creators(connection: sa.Connection, track_ids: Iterable[str]) -> dict[str, str | None]:
    """Return track → its creator, for the tracks that are known."""
    wanted = sorted(track_ids)
    found: dict[str, str | None] = {}
    for start in range(0, len(wanted), LOOKUP_IDS):
        block = wanted[start : start + LOOKUP_IDS]
        query = sa.select(tracks.c.track_id, tracks.c.creator_id)
        rows = connection.execute(query.where(tracks.c.track_id.in_(block)))
        found.update({row.track_id: row.creator_id for row in rows})
    return found


def _refusal(one: Interaction, known: Mapping[str, str | None], received_at_ms: int) -> str:
    if one.track_id not in known:
        return UNKNOWN_TRACK
    if one.at > received_at_ms + AHEAD_MS:
        return IN_FUTURE
    if one.at < received_at_ms - BEHIND_DAYS * DAY_MS:
        return TOO_OLD
    return ""


def _insert_new(
    connection: sa.Connection, interactions: Sequence[Interaction], received_at_ms: int
) -> dict[str, Interaction]:
    """Insert the events whose id is not known, and return them by id, in the order told."""
    first: dict[str, Interaction] = {}
    for one in interactions:
        first.setdefault(one.event_id, one)
    if not first:
        return {}
    # In order of the key: two writers of the same ids wait for each other instead of locking up.
    rows = [_row(first[key], received_at_ms) for key in sorted(first)]
    statement: Any = upsert_statement(connection, events)
    inserted = set(connection.execute(statement.returning(events.c.event_id), rows).scalars())
    return {key: one for key, one in first.items() if key in inserted}


def _row(one: Interaction, received_at_ms: int) -> dict[str, Any]:
    return {**one.model_dump(mode="json"), "received_at": received_at_ms}


def _frame(interactions: Iterable[Interaction]) -> pl.DataFrame:
    rows = [(one.user_id, one.track_id, one.action.value, one.at) for one in interactions]
    frame = pl.DataFrame(rows, schema=_FRAME_SCHEMA, orient="row")
    return frame.with_columns(pl.col("at").cast(TIME))


def _verdicts(
    interactions: Sequence[Interaction],
    refused: Sequence[str],
    fresh: Mapping[str, Interaction],
) -> Iterable[Verdict]:
    counted: set[str] = set()
    for one, why in zip(interactions, refused, strict=True):
        if why:
            yield Verdict(one.event_id, "rejected", why)
        elif one.event_id in fresh and one.event_id not in counted:
            counted.add(one.event_id)
            yield Verdict(one.event_id, "accepted")
        else:
            yield Verdict(one.event_id, "duplicate")
