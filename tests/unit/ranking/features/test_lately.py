"""Sessions, fatigue and creators' standing against values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.features.fatigue import Fatigue
from ranking.features.session import Session
from ranking.features.standing import CreatorStanding
from ranking.learned import TrackStatistics
from ranking.model import Candidates, FeedQuery, Floats, Listener, one_source
from tests.support.described import described

NOW_MS = 1_767_225_600_000
MINUTE_MS = 60_000


def who() -> Listener:
    """Return a listener who met track 0 two minutes ago, 1 (left early) ten, 2 an hour, 3 once."""
    ago = np.array([2, 10, 60, 3_000]) * MINUTE_MS
    return Listener(
        "u",
        rows=np.array([0, 1, 2, 3]),
        plays=np.ones(4, np.float32),
        finishes=np.array([1, 0, 1, 1], np.float32),
        skips=np.array([0, 1, 0, 0], np.float32),
        opinions=np.zeros(4, np.int8),
        last_at_ms=NOW_MS - ago,
        shown_rows=np.array([0, 1, 4, 0]),
        shown_at_ms=np.full(4, NOW_MS - MINUTE_MS),
    )


def named(family: object, listener: Listener, *rows: int) -> dict[str, Floats]:
    query = FeedQuery(listener=listener, size=5, now_ms=NOW_MS, seed=1)
    offered: Candidates = one_source("x", np.array(rows), -np.arange(len(rows), dtype=np.float32))
    values = described(family, query, offered)
    return dict(zip(family.names, values.T, strict=True))


def test_a_session_is_the_last_half_hour_and_sounds_like_what_was_kept() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 1], [0, 1], [0.6, 0.8], [0, 0]], np.float32)
    found = named(Session(vectors), who(), 4, 5)
    np.testing.assert_allclose(found["session_tracks"], np.log1p([2, 2]), rtol=1e-6)
    np.testing.assert_array_equal(found["session_skip_share"], [0.5, 0.5])
    np.testing.assert_array_equal(found["session_pause_min"], [2, 2])
    np.testing.assert_allclose(found["session_audio"], [0.6, np.nan], rtol=1e-6)
    cold = named(Session(vectors), Listener("new"), 4)
    assert cold["session_tracks"][0] == 0
    assert all(np.isnan(cold[name][0]) for name in Session(vectors).names[1:])


def test_fatigue_counts_the_creator_on_pages_and_today() -> None:
    found = named(Fatigue(np.array([7, 7, 8, 8, 7, -1])), who(), 4, 2, 5)
    np.testing.assert_allclose(found["shown_lately"], np.log1p([4, 4, 4]), rtol=1e-6)
    np.testing.assert_array_equal(found["creator_shown_lately"], [4, 0, np.nan])
    np.testing.assert_array_equal(found["creator_met_today"], [2, 1, np.nan])
    np.testing.assert_allclose(found["met_today"], np.log1p([3, 3, 3]), rtol=1e-6)


def test_a_creator_stands_by_all_their_tracks() -> None:
    plays = np.array([30, 10, 0, 5], np.float32)
    rates = np.array([0.5, 0.9, 0.4, 0.2], np.float32)
    statistics = TrackStatistics(plays, plays, plays, rates, rates, rates, as_of_ms=0)
    found = named(CreatorStanding(np.array([0, 0, 1, -1]), statistics), who(), 0, 2, 3)
    np.testing.assert_allclose(found["creator_catalogue"][:2], np.log1p([2, 1]), rtol=1e-6)
    assert found["creator_finish_rate"][0] == pytest.approx((15 + 9) / 40)
    assert found["creator_track_share"][0] == pytest.approx(0.75)
    assert np.isnan(found["creator_finish_rate"][1])
    assert all(np.isnan(values[2]) for values in found.values())
