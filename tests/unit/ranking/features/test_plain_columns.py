"""Features that describe track, listener and moment."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.catalogue import Origin, Status
from ranking.features.context import Context
from ranking.features.freshness import Freshness
from ranking.features.listeners import ListenerHabits
from ranking.features.popularity import Popularity
from ranking.features.provenance import Provenance
from ranking.learned import TrackStatistics, no_statistics
from ranking.model import FeedQuery, Listener, one_source
from tests.support.described import described

DAY_MS = 86_400_000
MONDAY_6H_MS = 1_767_571_200_000 + 6 * 3_600_000  # 2026-01-05 06:00 UTC


def query(who: Listener | None = None) -> FeedQuery:
    return FeedQuery(listener=who or Listener("u"), size=10, now_ms=MONDAY_6H_MS, seed=1)


def offered(*rows: int) -> object:
    return one_source("popular", np.array(rows), np.zeros(len(rows), np.float32))


def statistics() -> TrackStatistics:
    ramp = np.arange(4, dtype=np.float32)
    return TrackStatistics(ramp * 10, ramp, ramp, ramp / 10, ramp / 20, ramp / 30, as_of_ms=0)


def test_age_is_days_since_release_never_negative_and_unknown_stays_unknown() -> None:
    released = np.array([MONDAY_6H_MS - 3 * DAY_MS, MONDAY_6H_MS + DAY_MS, 0])
    statuses = np.array([Status.TRIAL, Status.ACTIVE, Status.ACTIVE], np.int8)
    values = described(Freshness(released, statuses), query(), offered(0, 1, 2))
    np.testing.assert_array_equal(values, [[3, 1], [0, 0], [np.nan, 0]])


def test_origin_and_length() -> None:
    origins = np.array([Origin.GENERATED, Origin.ASSISTED], np.int8)
    lengths = np.array([30_000, np.nan], np.float32)
    values = described(Provenance(origins, lengths), query(), offered(0, 1))
    np.testing.assert_array_equal(values, [[1, 0, 30], [0, 1, np.nan]])


def test_popularity_is_in_logarithms_and_rates_as_they_are() -> None:
    family = Popularity(statistics())
    values = described(family, query(), offered(2, 0))
    by_name = dict(zip(family.names, values.T, strict=True))
    np.testing.assert_allclose(by_name["log_plays"], np.log1p([20, 0]), rtol=1e-6)
    np.testing.assert_allclose(by_name["plays_per_listener"], np.log1p([10, 0]), rtol=1e-6)
    np.testing.assert_allclose(by_name["skip_rate"], [0.1, 0], rtol=1e-6)


def test_the_hour_goes_round() -> None:
    hour_sin, hour_cos = described(Context(), query(), offered(0))[0, :2]
    assert (hour_sin, hour_cos) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))  # a quarter


def test_habits_are_the_listeners_and_the_gap_is_the_tracks() -> None:
    who = Listener(
        "u",
        rows=np.array([3, 1]),
        plays=np.array([4, 4], np.float32),
        finishes=np.array([2, 0], np.float32),
        skips=np.array([0, 1], np.float32),
        opinions=np.zeros(2, np.int8),
        last_at_ms=np.zeros(2, np.int64),
    )
    family = ListenerHabits(statistics())
    values = described(family, query(who), offered(0, 2))
    by_name = dict(zip(family.names, values.T, strict=True))
    np.testing.assert_allclose(by_name["user_finish_share"], [0.25, 0.25])
    mainstream = np.log1p([3, 1]).mean()
    np.testing.assert_allclose(by_name["user_mainstream"], mainstream, rtol=1e-6)
    np.testing.assert_allclose(by_name["mainstream_gap"], np.log1p([0, 2]) - mainstream, rtol=1e-5)
    cold = described(family, query(), offered(0))
    assert np.isnan(cold[0, family.names.index("user_mainstream")])


def test_statistics_survive_their_file_and_other_orders(tmp_path: object) -> None:
    known = statistics()
    known.save(tmp_path, ["a", "b", "c", "d"])
    found = TrackStatistics.load(tmp_path, ["d", "new", "a"])
    np.testing.assert_array_equal(found.plays, [30, 0, 0])
    # A track nobody played has the average track's rate, not a rate of zero.
    np.testing.assert_allclose(found.finish_rate, [0.3, 0.15, 0.0], rtol=1e-6)
    assert no_statistics(3).recent.tolist() == [0, 0, 0]
