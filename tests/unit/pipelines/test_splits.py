"""Splits never let what is held out be seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from core.events import DAY_MS
from core.tables import EVENTS, IMPRESSIONS, TALLIES, USER_TAGS
from pipelines.history import PAIR, History
from pipelines.splits import (
    MIN_TRACKS,
    days_back,
    folds,
    graded,
    leave_out,
    relevant_rows,
    temporal,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


def history(
    plays: list[tuple[str, str, int]] = (),
    events: list[tuple[str, str, str, float]] = (),
    tags: list[tuple[str, str, str]] = (),
) -> History:
    """Return a history; events are (user, track, action, days after the start)."""
    rows = [
        {"event_id": str(at), "user_id": u, "track_id": t, "action": a, "at": START + timedelta(d)}
        for at, (u, t, a, d) in enumerate(events)
    ]
    empty = pl.DataFrame(schema=EVENTS.schema)
    return History(
        events=EVENTS.conform(pl.DataFrame(rows)) if rows else empty,
        plays=pl.DataFrame(list(plays), schema=TALLIES.schema, orient="row"),
        user_tags=pl.DataFrame(
            list(tags),
            schema={k: v for k, v in USER_TAGS.schema.items() if k != "at"},
            orient="row",
        ),
        impressions=IMPRESSIONS.conform(pl.DataFrame(schema=IMPRESSIONS.schema)),
    )


pairs = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 30)), max_size=80)


@given(pairs, st.integers(0, 5))
@settings(deadline=None)
def test_leave_out_holds_the_share_and_hides_plays_and_tags(found: set, seed: int) -> None:
    plays = [(f"u{u}", f"t{t}", 1 + t) for u, t in sorted(found)]
    tags = [(u, t, "rock") for u, t, _ in plays]
    split = leave_out(history(plays, tags=tags), 0.2, seed, now_ms=0)
    held = set(split.held.select(PAIR).iter_rows())
    kept = set(split.history.plays.select(PAIR).iter_rows())
    assert held | kept == {(u, t) for u, t, _ in plays}
    assert not held & kept
    assert not held & set(split.history.user_tags.select(PAIR).iter_rows())
    for user in {u for u, _, _ in plays}:
        count = sum(u == user for u, _, _ in plays)
        gone = sum(u == user for u, _ in held)
        assert gone == (max(1, round(count * 0.2 + 1e-9)) if count >= MIN_TRACKS else 0) or (
            count * 0.2 % 1 == 0.5  # halves round either way
        )


def test_leave_out_is_decided_by_its_seed() -> None:
    known = history([("u", f"t{at}", 1) for at in range(40)])
    first, again, other = (leave_out(known, 0.2, seed, 0).held for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


@given(pairs, st.integers(2, 5))
@settings(deadline=None)
def test_folds_hold_each_pair_exactly_once(found: set, count: int) -> None:
    plays = [(f"u{u}", f"t{t}", 1) for u, t in sorted(found)]
    known = history(plays, tags=[(u, t, "x") for u, t, _ in plays])
    held = []
    for split in folds(known, count, seed=3, now_ms=0):
        part = list(split.held.select(PAIR).iter_rows())
        held += part
        assert not set(part) & set(split.history.plays.select(PAIR).iter_rows())
        assert not set(part) & set(split.history.user_tags.select(PAIR).iter_rows())
    assert sorted(held) == sorted((u, t) for u, t, _ in plays)


def test_temporal_splits_at_the_moment_and_wants_new_tracks_only() -> None:
    known = history(
        events=[
            ("u", "old", "play", 1.0),
            ("u", "old", "finish", 9.5),  # met before: not new
            ("u", "new", "finish", 9.5),
            ("u", "skipped", "skip", 9.6),
            ("v", "new", "like", 9.7),
            ("v", "late", "finish", 10.5),  # after the end
        ]
    )
    end_ms = int(START.timestamp() * 1000) + 10 * DAY_MS
    split = temporal(known, end_ms - DAY_MS, end_ms)
    assert split.now_ms == end_ms - DAY_MS
    assert split.history.events["track_id"].to_list() == ["old"]
    assert split.held.rows() == [("u", "new", 2), ("v", "new", 3)]


def test_days_without_listening_are_not_counted() -> None:
    known = history(events=[("u", "t", "play", day) for day in (0.5, 1.2, 1.9, 40.1)])
    start_ms = int(START.timestamp() * 1000)
    end_ms = known.last_ms + 1
    assert days_back(known, 1, end_ms) == start_ms + 40 * DAY_MS
    assert days_back(known, 2, end_ms) == start_ms + DAY_MS
    assert days_back(known, 9, end_ms) == start_ms
    assert days_back(known, 1, start_ms + 40 * DAY_MS) == start_ms + DAY_MS
    assert days_back(history(), 1, 77) == 77


def test_timeless_plays_count_as_met_before() -> None:
    known = history([("u", "old", 3)], events=[("u", "old", "finish", 9.5)])
    end_ms = int(START.timestamp() * 1000) + 10 * DAY_MS
    assert temporal(known, end_ms - DAY_MS, end_ms).held.height == 0


def test_repeats_count_where_they_are_wanted() -> None:
    known = history([("u", "old", 3)], events=[("u", "old", "finish", 9.5)])
    end_ms = int(START.timestamp() * 1000) + 10 * DAY_MS
    split = temporal(known, end_ms - DAY_MS, end_ms, repeats=True)
    assert split.held.rows() == [("u", "old", 2)]
    assert split.repeats


def test_what_was_turned_down_was_not_chosen() -> None:
    known = history(
        events=[("u", "t", "finish", 1), ("u", "t", "dislike", 2), ("u", "s", "save", 1)]
    )
    assert graded(known.events).rows() == [("u", "s", 3)]


def test_relevant_rows_drop_unknown_tracks() -> None:
    held = pl.DataFrame(
        {"user_id": ["u", "u", "v"], "track_id": ["a", "b", "c"], "grade": [1, 2, 3]}
    )
    import numpy as np

    found = relevant_rows(held, np.array([7, -1, 4]))
    assert {user: (rows.tolist(), grades.tolist()) for user, (rows, grades) in found.items()} == {
        "u": ([7], [1]),
        "v": ([4], [3]),
    }


def test_a_history_adds_timed_and_timeless_listening_up() -> None:
    known = history([("u", "t", 3)], events=[("u", "t", "play", 1), ("u", "t", "like", 2)])
    row = known.tallies().row(0, named=True)
    assert (row["plays"], row["liked"]) == (4, True)
    assert known.last_ms == START.timestamp() * 1000 + 2 * DAY_MS
