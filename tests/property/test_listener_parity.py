"""The serving state and the replayed history are one: the same events give the same listener."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.database import Database, open_database, upsert
from core.events import DAY_MS, Action, Interaction
from core.schema import tallies, tracks
from core.tables import TIME
from ranking.listeners.record import record_interactions
from ranking.listeners.replay import EventLog
from ranking.listeners.state import load_listener
from ranking.listeners.tallies import merge_tallies, tally_plays
from ranking.loading import load_catalogue
from ranking.model import Listener
from tests.support.worlds import NOW_MS

TRACK_IDS = tuple(f"t{number}" for number in range(6))
COLUMNS = ("rows", "plays", "finishes", "skips", "opinions", "last_at_ms", "followed")


class Happened(NamedTuple):
    user: int
    track: int
    action: Action
    minute: int


HAPPENED = st.builds(
    Happened,
    user=st.integers(0, 1),
    track=st.integers(0, len(TRACK_IDS) - 1),
    action=st.sampled_from(list(Action)),
    minute=st.integers(1, 12),
)
PLAYS = st.dictionaries(
    st.tuples(st.integers(0, 1), st.integers(0, len(TRACK_IDS) - 1)), st.integers(1, 9), max_size=4
)


def _store() -> Database:
    database = open_database("sqlite://")
    rows = [
        {"track_id": one, "creator_id": f"c{at % 4}" if at else None, "updated_at": NOW_MS}
        for at, one in enumerate(TRACK_IDS)
    ]
    with database.write() as connection:
        upsert(connection, tracks, rows)
    return database


def _interactions(events: Sequence[Happened]) -> list[Interaction]:
    return [
        Interaction(
            event_id=f"e{at}",
            user_id=f"u{one.user}",
            track_id=TRACK_IDS[one.track],
            action=one.action,
            at=NOW_MS + one.minute * 60_000,
        )
        for at, one in enumerate(events)
    ]


def _frame(interactions: Sequence[Interaction]) -> pl.DataFrame:
    rows = [(one.user_id, one.track_id, one.action.value, one.at) for one in interactions]
    schema = {"user_id": pl.String, "track_id": pl.String, "action": pl.String, "at": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(pl.col("at").cast(TIME))


def _assert_same(served: Listener, replayed: Listener) -> None:
    for name in COLUMNS:
        left, right = getattr(served, name), getattr(replayed, name)
        assert left.dtype == right.dtype, name
        np.testing.assert_array_equal(left, right, err_msg=name)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=st.lists(HAPPENED, max_size=40), plays=PLAYS, until=st.integers(1, 14))
def test_serving_and_replay_agree_at_every_moment(
    events: list[Happened], plays: dict[tuple[int, int], int], until: int
) -> None:
    now_ms = NOW_MS + until * 60_000
    timeless = pl.DataFrame(
        [(f"u{user}", TRACK_IDS[track], count) for (user, track), count in plays.items()],
        schema={"user_id": pl.String, "track_id": pl.String, "plays": pl.Int64},
        orient="row",
    )
    told = _interactions(events)
    database = _store()
    try:
        with database.write() as connection:
            merge_tallies(connection, tally_plays(timeless))
        # Only what happened before the moment has been told by then; in two deliveries.
        known = [one for one in told if one.at < now_ms]
        half = len(known) // 2
        for part in (known[:half], known[half:]):
            record_interactions(database, part, received_at_ms=now_ms + DAY_MS)
        with database.read() as connection:
            catalogue = load_catalogue(connection)
            log = EventLog.from_frames(_frame(told), timeless, catalogue)
            for user_id in ("u0", "u1", "nobody"):
                served = load_listener(connection, catalogue, user_id, now_ms)
                _assert_same(served, log.listener(user_id, now_ms))
        with database.read() as connection:
            assert connection.execute(tallies.select()).all() or not (known or plays)
    finally:
        database.close()
