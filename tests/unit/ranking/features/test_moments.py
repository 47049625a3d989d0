"""A whole log at once gives the listener that `EventLog.listener` gives, at every moment."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import polars as pl
import pytest

from core.events import ACTIONS
from core.tables import TIME
from ranking.catalogue import Catalogue
from ranking.features.batch import Requests, requests_of
from ranking.features.moments import Moments, moments_of
from ranking.listeners import history
from ranking.listeners.replay import EventLog
from ranking.model import FeedQuery
from tests.support.worlds import NOW_MS, tiny_world

WORLD = tiny_world()
MINUTE_MS = 60_000
USERS = 4


def random_log(seed: int, events: int = 400, catalogue: Catalogue = WORLD.catalogue) -> EventLog:
    """Return a log in which listeners meet few tracks often, many things at the same moment."""
    rng = np.random.default_rng(seed)
    tracks = np.array(catalogue.tracks.values[:9])

    def when(n: int, spread: int) -> pl.Series:
        return pl.Series(NOW_MS + rng.integers(0, spread, n) * MINUTE_MS).cast(TIME)

    frame = pl.DataFrame(
        {
            "user_id": [f"u{one}" for one in rng.integers(0, USERS, events)],
            "track_id": rng.choice(tracks, events),
            "action": rng.choice(np.array(ACTIONS), events),
            "at": when(events, 60),
        }
    )
    slots = pl.DataFrame(
        {
            "user_id": [f"u{one}" for one in rng.integers(0, USERS, 600)],
            "track_id": rng.choice(tracks, 600),
            "at": when(600, 4_000),
            "position": rng.integers(0, 20, 600).astype(np.int32),
        }
    )
    plays = pl.DataFrame(
        {"user_id": ["u0", "u0", "u3"], "track_id": tracks[[0, 5, 5]], "plays": [3, 1, 2]}
    )
    return EventLog.from_frames(frame, plays, catalogue, slots)


def at_once(log: EventLog, names: list[str], now_ms: np.ndarray) -> Requests:
    return moments_of(log).requests(tuple(names), now_ms, ("home",) * len(names))


def one_by_one(log: EventLog, names: list[str], now_ms: np.ndarray) -> list[Requests]:
    """Return the same requests from `EventLog.listener`."""
    queries = [
        FeedQuery(listener=log.listener(name, int(ms)), size=1, now_ms=int(ms), seed=0)
        for name, ms in zip(names, now_ms, strict=True)
    ]
    return [requests_of([query]) for query in queries]


def assert_same(found: Requests, expected: list[Requests]) -> None:
    starts = {
        "starts": "rows plays finishes skips opinions last_at_ms",
        "followed_starts": "followed",
        "shown_starts": "shown_rows shown_at_ms",
    }
    for start, names in starts.items():
        sizes = [getattr(one, start)[-1] for one in expected]
        assert np.diff(getattr(found, start)).tolist() == sizes, start
        for name in names.split():
            together = np.concatenate([getattr(one, name) for one in expected])
            assert getattr(found, name).dtype == together.dtype, name
            np.testing.assert_array_equal(getattr(found, name), together, err_msg=name)


@pytest.mark.parametrize("seed", range(6))
def test_every_moment_is_that_of_the_single_listener(seed: int) -> None:
    log = random_log(seed)
    rng = np.random.default_rng(seed + 100)
    users = [*rng.choice(np.array(log.user_ids), 60).tolist(), "nobody"]
    now_ms = NOW_MS + rng.integers(-2, 4_200, 61) * MINUTE_MS
    now_ms[:40] = NOW_MS + rng.integers(-2, 62, 40) * MINUTE_MS
    found = at_once(log, users, now_ms)
    assert_same(found, one_by_one(log, users, now_ms))


def test_long_histories_are_cut_and_keep_what_was_turned_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (history, __import__("ranking.features.moments", fromlist=["moments"])):
        monkeypatch.setattr(module, "HISTORY_LIMIT", 3)
    log = random_log(1)
    users = ["u0", "u1", "u2", "u3"]
    now_ms = np.full(4, NOW_MS + 50 * MINUTE_MS)
    assert_same(at_once(log, users, now_ms), one_by_one(log, users, now_ms))


def test_an_empty_log_knows_nobody() -> None:
    nothing = random_log(1, events=0)
    empty = EventLog.from_frames(
        pl.DataFrame(schema={"user_id": pl.String, "track_id": pl.String, "action": pl.String,
                             "at": TIME}),
        pl.DataFrame(schema={"user_id": pl.String, "track_id": pl.String, "plays": pl.Int64}),
        WORLD.catalogue,
    )  # fmt: skip
    for log in (nothing, empty):
        found = at_once(log, ["x", "y"], np.array([NOW_MS, NOW_MS + 1]))
        assert found.starts.tolist() == [0, 0, 0]
    assert found.shown_starts.tolist() == [0, 0, 0]


def test_fields_are_all_compared() -> None:
    named = {field.name for field in fields(Requests)} - {
        "user_ids",
        "now_ms",
        "surfaces",
        "worked_out",
    }
    assert len(named) == 12
    assert isinstance(moments_of(random_log(2)), Moments)
