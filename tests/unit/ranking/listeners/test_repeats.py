from __future__ import annotations

import numpy as np
import pytest

from core.events import DAY_MS
from ranking.listeners.repeats import RepeatConfig, RepeatRule, too_recent
from ranking.model import UNKNOWN_TIME_MS, Listener
from tests.support.worlds import HOUR_MS, NOW_MS, query_of


def heard(at_ms: int, plays: float = 1, finishes: float = 0, opinion: int = 0) -> Listener:
    return Listener(
        user_id="u",
        rows=np.array([5]),
        plays=np.array([plays], np.float32),
        finishes=np.array([finishes], np.float32),
        skips=np.array([0], np.float32),
        opinions=np.array([opinion], np.int8),
        last_at_ms=np.array([at_ms]),
    )


@pytest.mark.parametrize(
    ("days", "surface", "kept_back"),
    [
        (29.9, "home", True),
        (30.1, "home", False),
        (3000, "discovery", True),
        (30.1, "radio", False),
    ],
)
def test_a_play_keeps_a_track_back_for_the_surface_s_window(
    days: float, surface: str, kept_back: bool
) -> None:
    listener = heard(int(NOW_MS - days * DAY_MS))
    found = too_recent(query_of(listener, surface=surface), RepeatConfig())
    assert found.tolist() == ([5] if kept_back else [])


def test_a_play_without_a_time_is_kept_back() -> None:
    assert too_recent(query_of(heard(UNKNOWN_TIME_MS)), RepeatConfig()).tolist() == [5]


def test_liked_but_never_played_is_not_heard() -> None:
    listener = heard(NOW_MS - 1, plays=0, opinion=1)
    assert too_recent(query_of(listener), RepeatConfig()).size == 0
    finished = heard(NOW_MS - 1, plays=0, finishes=1)
    assert too_recent(query_of(finished), RepeatConfig()).tolist() == [5]


def test_what_was_just_shown_waits_and_no_longer() -> None:
    shown = Listener(
        user_id="u",
        shown_rows=np.array([9, 8, 9, 7]),
        shown_at_ms=NOW_MS - np.array([1, 3, 3, 5]) * HOUR_MS,
    )
    assert too_recent(query_of(shown), RepeatConfig()).tolist() == [8, 9]
    eager = RepeatConfig(default=RepeatRule(shown_window_hours=0))
    assert too_recent(query_of(shown), eager).size == 0
