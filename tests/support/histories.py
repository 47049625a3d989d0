"""Small workspaces with listening in them, planted or without any pattern."""

from __future__ import annotations

import numpy as np
import polars as pl

from core.database import upsert
from core.schema import tracks
from core.tables import EVENTS, IMPRESSIONS, TALLIES, TIME, USER_TAGS
from core.workspace import Workspace
from ranking.listeners.tallies import merge_tallies, tally, tally_plays

START_MS = 1_767_225_600_000  # 2026-01-01
DAY_MS = 86_400_000


def add_tracks(workspace: Workspace, count: int) -> list[str]:
    """Put active tracks into the store, two a creator."""
    ids = [f"t{at:03d}" for at in range(count)]
    rows = [
        {"track_id": one, "creator_id": f"c{at // 2}", "title": one, "updated_at": START_MS}
        for at, one in enumerate(ids)
    ]
    with workspace.database.write() as connection:
        upsert(connection, tracks, rows)
    return ids


def add_plays(
    workspace: Workspace, pairs: list[tuple[str, str]], tags: list[tuple[str, str, str]] = ()
) -> None:
    """Add timeless plays, one a pair of listener and track, and what listeners called tracks."""
    plays = pl.DataFrame(pairs, schema=["user_id", "track_id"], orient="row")
    plays = plays.unique(maintain_order=True).with_columns(plays=pl.lit(3, pl.Int64))
    said = pl.DataFrame(list(tags), schema=["user_id", "track_id", "tag"], orient="row")
    with workspace.warehouse.batch() as batch:
        batch.append(TALLIES, plays)
        if tags:
            batch.append(USER_TAGS, said)
        with batch.commit() as connection:
            merge_tallies(connection, tally_plays(plays))


def add_listens(workspace: Workspace, listens: list[tuple[str, str, int]]) -> None:
    """Add plays that were heard to the end: (listener, track, UTC milliseconds)."""
    rows = [
        {"event_id": f"{at}-{action}", "user_id": u, "track_id": t, "action": action, "at": ms}
        for at, (u, t, ms) in enumerate(listens)
        for action in ("play", "finish")
    ]
    events = EVENTS.conform(pl.DataFrame(rows).with_columns(pl.col("at").cast(TIME)))
    with workspace.warehouse.batch() as batch:
        batch.append(EVENTS, events)
        with batch.commit() as connection:
            merge_tallies(connection, tally(events))


def two_tastes(ids: list[str], listeners: int, share: float, seed: int) -> list[tuple[str, str]]:
    """Return pairs in which each listener plays a share of one half of the tracks, at random."""
    rng = np.random.default_rng(seed)
    halves = (ids[::2], ids[1::2])
    return [
        (f"u{user:03d}", track)
        for user in range(listeners)
        for track in halves[user % 2]
        if rng.random() < share
    ]


def no_taste(ids: list[str], listeners: int, share: float, seed: int) -> list[tuple[str, str]]:
    """Return pairs without any pattern: each listener plays a share of all tracks, at random."""
    rng = np.random.default_rng(seed)
    return [
        (f"u{user:03d}", track)
        for user in range(listeners)
        for track in ids
        if rng.random() < share
    ]


def add_pages(
    workspace: Workspace, ids: list[str], listeners: int, days: int, slots: int, seed: int
) -> None:
    """Log a page a day for each listener; of their half of the tracks they finish most slots."""
    rng = np.random.default_rng(seed)
    shown, done = [], []
    for day in range(days):
        for user in range(listeners):
            at_ms = START_MS + day * DAY_MS + int(rng.integers(0, DAY_MS // 2))
            for position, track in enumerate(rng.choice(len(ids), slots, replace=False).tolist()):
                slot = (f"r{day}-{user}", f"u{user:03d}", ids[track], at_ms, position)
                shown.append((*slot, "home"))
                wanted = track % 2 == user % 2 and rng.random() < 0.8
                done += [(*slot, action) for action in ("play", "finish" if wanted else "skip")]
    names = ["request_id", *("user_id", "track_id"), "at", "position"]
    pages = pl.DataFrame(shown, schema=[*names, "surface"], orient="row")
    events = pl.DataFrame(done, schema=[*names, "action"], orient="row").with_columns(
        event_id=pl.int_range(len(done)).cast(pl.String)
    )
    timed = pl.col("at").cast(TIME)
    told = EVENTS.conform(events.with_columns(timed))
    with workspace.warehouse.batch() as batch:
        batch.append(IMPRESSIONS, IMPRESSIONS.conform(pages.with_columns(timed)))
        batch.append(EVENTS, told)
        with batch.commit() as connection:
            merge_tallies(connection, tally(told))
