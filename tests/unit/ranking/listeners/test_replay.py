from __future__ import annotations

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from core.tables import TIME
from ranking.listeners.history import HISTORY_LIMIT, ordered
from ranking.listeners.replay import EventLog
from ranking.listeners.tallies import TALLY_SCHEMA, tally
from ranking.model import AiPreference, Preferences
from tests.support.worlds import NOW_MS, tiny_world

WORLD = tiny_world()
NO_PLAYS = pl.DataFrame(schema={"user_id": pl.String, "track_id": pl.String, "plays": pl.Int64})


def frame(*events: tuple[str, str, str, int]) -> pl.DataFrame:
    schema = {"user_id": pl.String, "track_id": pl.String, "action": pl.String, "at": pl.Int64}
    rows = [(user, track, action, NOW_MS + at) for user, track, action, at in events]
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("at").cast(TIME))


def test_only_what_happened_before_is_known() -> None:
    log = EventLog.from_frames(
        frame(("u", "t0001", "play", 10), ("u", "t0001", "like", 20), ("u", "t0002", "play", 20)),
        NO_PLAYS,
        WORLD.catalogue,
    )
    assert log.user_ids == ("u",)
    assert log.listener("u", NOW_MS + 10).is_cold
    at_20 = log.listener("u", NOW_MS + 20)
    assert (at_20.rows.tolist(), at_20.opinions.tolist()) == ([1], [0])
    later = log.listener("u", NOW_MS + 21)
    assert later.rows.tolist() == [1, 2]
    assert later.opinions.tolist() == [1, 0]
    assert later.last_at_ms.tolist() == [NOW_MS + 20, NOW_MS + 20]


def test_the_input_order_of_listeners_and_times_plays_no_part() -> None:
    events = frame(
        ("b", "t0003", "skip", 4),
        ("a", "t0001", "play", 9),
        ("b", "t0003", "play", 2),
        ("a", "t0001", "finish", 3),
        ("b", "t0000", "hide", 1),
    )
    straight = EventLog.from_frames(events, NO_PLAYS, WORLD.catalogue)
    reverse = EventLog.from_frames(events.reverse(), NO_PLAYS, WORLD.catalogue)
    for user in ("a", "b"):
        left, right = straight.listener(user, NOW_MS + 99), reverse.listener(user, NOW_MS + 99)
        for name in ("rows", "plays", "finishes", "skips", "opinions", "last_at_ms"):
            np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


def test_unknown_tracks_and_listeners_are_left_out() -> None:
    events = frame(("u", "gone", "play", 1), ("u", "t0001", "play", 2))
    log = EventLog.from_frames(events, NO_PLAYS, WORLD.catalogue)
    assert log.listener("u", NOW_MS + 9).rows.tolist() == [1]
    wishes = Preferences(ai=AiPreference.NONE)
    stranger = log.listener("stranger", NOW_MS, wishes)
    assert stranger.is_cold
    assert stranger.preferences is wishes


def test_an_empty_history_has_no_listeners() -> None:
    log = EventLog.from_frames(frame(), NO_PLAYS, WORLD.catalogue)
    assert log.user_ids == ()
    assert log.listener("u", NOW_MS).is_cold


def test_replay_adds_up_as_the_tallies_do() -> None:
    rng = np.random.default_rng(8)
    actions = ("play", "finish", "skip", "like", "unlike", "dislike", "undislike", "save", "hide")
    events = frame(
        *(
            (f"u{rng.integers(3)}", f"t{rng.integers(9):04d}", str(rng.choice(actions)), int(at))
            for at in rng.integers(0, 50, 400)
        )
    )
    log = EventLog.from_frames(events, NO_PLAYS, WORLD.catalogue)
    expected = tally(events).sort("user_id", "track_id")
    found = []
    for user in log.user_ids:
        listener = log.listener(user, NOW_MS + 1000)
        for at, row in enumerate(listener.rows):
            found.append(
                (
                    user,
                    WORLD.catalogue.tracks[row],
                    listener.plays[at],
                    listener.finishes[at],
                    listener.skips[at],
                    listener.last_at_ms[at],
                )
            )
    schema = {
        name: TALLY_SCHEMA[name]
        for name in ("user_id", "track_id", "plays", "finishes", "skips", "last_at")
    }
    replayed = pl.DataFrame(found, schema=list(schema), orient="row").cast(schema)
    assert_frame_equal(replayed.sort("user_id", "track_id"), expected.select(list(schema)))


def test_a_long_history_is_cut_but_what_was_turned_down_stays() -> None:
    n = HISTORY_LIMIT + 50
    opinions = np.zeros(n, dtype=np.int8)
    opinions[[0, 7]] = -1
    ones = np.ones(n)
    history = ordered(np.arange(n), ones, ones, ones, opinions, np.arange(n))
    assert history.rows.size == HISTORY_LIMIT + 2
    assert history.rows[0] == n - 1
    assert history.rows[-2:].tolist() == [7, 0]
