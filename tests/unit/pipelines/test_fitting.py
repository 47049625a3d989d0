"""What is learned from tallies, against counts made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from core.tables import EVENTS, IMPRESSIONS, TALLIES
from embeddings.bridge.configuration import BridgeConfig
from embeddings.collaborative.factors import AlsConfig
from pipelines.fitting import (
    Collaborative,
    FactorsConfig,
    PreferenceMatrix,
    StatisticsConfig,
    collaborate,
    factorize,
    preferences,
    track_statistics,
)
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


def tastes(n_users: int = 80) -> PreferenceMatrix:
    """Return plays of listeners who share a direction with the tracks of `WORLD`."""
    rng = np.random.default_rng(3)
    wanted = rng.standard_normal((n_users, VECTORS.shape[1])) @ VECTORS.T
    plays = (wanted > 0.3) * rng.integers(1, 5, wanted.shape)
    plays[:, SILENT] = 0
    users = tuple(f"u{at}" for at in range(n_users))
    return PreferenceMatrix(users, sp.csr_matrix(plays.astype(np.float32)))


WORLD = tiny_world(90)
VECTORS = np.array(WORLD.learned.vectors)
SILENT = np.array([4, 5])
VECTORS[5] = 0  # nobody played it and nobody can hear it
VECTORS[6] = 0
ALS = AlsConfig(dim=6, num_threads=1)


def collaborated(*, enabled: bool = True, vectors: np.ndarray = VECTORS) -> Collaborative:
    known = tastes()
    met = np.asarray((known.weights > 0).sum(axis=0), dtype=np.float32).ravel()
    config = FactorsConfig(als=ALS, bridge=BridgeConfig(enabled=enabled))
    return collaborate(known, WORLD.catalogue, vectors, met, config, seed=1)


def test_tracks_get_factors_from_plays_sound_or_neither() -> None:
    found = collaborated()
    expected = found.bridge.predict(VECTORS)
    assert not found.plain.tracks[SILENT].any()
    np.testing.assert_allclose(found.factors.tracks[4], expected[4], rtol=1e-6)
    assert expected[4].any()
    assert not found.factors.tracks[5].any()
    np.testing.assert_array_equal(found.factors.tracks[6], found.plain.tracks[6])
    assert found.factors.users is found.plain.users


@pytest.mark.parametrize("how", ["disabled", "no audio", "no encoder"])
def test_without_a_bridge_factors_are_plain_als_to_the_bit(how: str) -> None:
    silent = np.zeros((len(WORLD.catalogue), 0 if how == "no encoder" else 8), np.float32)
    found = collaborated(
        enabled=how != "disabled", vectors=VECTORS if how == "disabled" else silent
    )
    plain = factorize(tastes(), WORLD.catalogue, ALS, 1)
    assert found.factors is found.plain
    np.testing.assert_array_equal(found.factors.tracks, plain.tracks)
    assert not found.bridge.speaks


def test_a_history_without_plays_has_no_factors_and_no_bridge() -> None:
    nothing = PreferenceMatrix((), sp.csr_matrix((0, len(WORLD.catalogue)), dtype=np.float32))
    met = np.zeros(len(WORLD.catalogue), np.float32)
    found = collaborate(nothing, WORLD.catalogue, VECTORS, met, FactorsConfig(als=ALS), seed=1)
    assert not found.factors.tracks.any()
    assert not found.bridge.speaks
