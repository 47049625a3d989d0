"""What is learned from tallies, against counts made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from core.tables import EVENTS, IMPRESSIONS, TALLIES
from pipelines.fitting import StatisticsConfig, preferences, track_statistics
from pipelines.history import History
from ranking.listeners.preference import weigh
from tests.support.worlds import tiny_world

CATALOGUE = tiny_world(12).catalogue
A, B, C = CATALOGUE.tracks.values[:3]
NOW = datetime(2026, 1, 15, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def history(
    events: list[tuple[str, str, str, float]], plays: list[tuple[str, str, int]] = ()
) -> History:
    """Return a history; events are (user, track, action, days ago)."""
    rows = [
        {"event_id": str(at), "user_id": u, "track_id": t, "action": a, "at": NOW - timedelta(d)}
        for at, (u, t, a, d) in enumerate(events)
    ]
    frame = EVENTS.conform(pl.DataFrame(rows)) if rows else pl.DataFrame(schema=EVENTS.schema)
    tags = {"user_id": pl.String, "track_id": pl.String, "tag": pl.String}
    return History(
        events=frame,
        plays=pl.DataFrame(list(plays), schema=TALLIES.schema, orient="row"),
        user_tags=pl.DataFrame(schema=tags),
        impressions=pl.DataFrame(schema=IMPRESSIONS.schema),
    )


def test_preferences_weigh_tallies_by_the_one_rule_and_drop_unknown_tracks() -> None:
    known = history(
        [
            ("u", A, "play", 1),
            ("u", A, "finish", 1),
            ("u", B, "play", 1),
            ("u", B, "dislike", 1),
            ("v", "unknown", "play", 1),
            ("v", C, "play", 1),
        ]
    )
    found = preferences(known.tallies(), CATALOGUE)
    assert found.user_ids == ("u", "v")
    expected = np.zeros((2, len(CATALOGUE)), np.float32)
    expected[0, 0] = weigh(np.ones(1), np.ones(1), np.zeros(1), np.zeros(1, np.int8))[0]
    expected[1, 2] = 1
    np.testing.assert_array_equal(found.weights.toarray(), expected)


def test_nobody_played_anything() -> None:
    found = preferences(history([]).tallies(), CATALOGUE)
    assert found.weights.shape == (0, len(CATALOGUE))


def test_statistics_decay_and_shrink_as_they_say() -> None:
    known = history(
        [
            ("u", A, "play", 7),
            ("u", A, "finish", 7),
            ("v", A, "play", 0),
            ("v", A, "skip", 0),
            ("u", B, "play", 14),
            ("u", B, "like", 14),
        ],
        plays=[("w", B, 50)],
    )
    config = StatisticsConfig(half_life_days=7, prior_plays=2)
    found = track_statistics(known, known.tallies(), CATALOGUE, config, NOW_MS)
    np.testing.assert_array_equal(found.plays[:3], [2, 51, 0])
    np.testing.assert_array_equal(found.listeners[:3], [2, 2, 0])
    # A play one half-life old and a new one; one two half-lives old and a listener without times.
    np.testing.assert_allclose(found.recent[:3], [1.5, 1.25, 0], rtol=1e-6)
    mean = 1 / 53
    assert found.finish_rate[0] == pytest.approx((1 + 2 * mean) / (2 + 2), rel=1e-6)
    assert found.finish_rate[2] == pytest.approx(mean, rel=1e-6)
    assert found.like_rate[1] == pytest.approx((1 + 2 * 1 / 4) / (2 + 2), rel=1e-6)
    assert found.as_of_ms == NOW_MS
