"""From bridged to learned, against the sum of squares it is said to minimise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from embeddings.bridge.configuration import BridgeConfig
from embeddings.bridge.fitting import fit_bridge
from embeddings.bridge.model import Bridge, no_bridge
from embeddings.bridge.settling import settled
from tests.support.bridges import RIDGE, solved, world

WORLD = world()
RIDGE_ONLY = BridgeConfig(network_tracks=10_000)
BRIDGE = fit_bridge(
    WORLD.factors, WORLD.confidence, WORLD.vectors, WORLD.listeners, RIDGE_ONLY, seed=1
)


def minimised(users: np.ndarray, c: np.ndarray, b: np.ndarray, s: float) -> np.ndarray:
    """Solve the objective of the module as one stacked least-squares problem."""
    played, eye = c > 0, np.sqrt(RIDGE) * np.eye(len(b))
    silent = users[~played]
    left = np.vstack(
        [
            np.sqrt(c[played])[:, None] * users[played],
            np.sqrt(s) * silent,
            np.sqrt(1 - s) * silent,
            np.sqrt(s) * eye,
            np.sqrt(1 - s) * eye,
        ]
    )
    right = np.concatenate(
        [
            np.sqrt(c[played]),
            np.zeros(len(silent)),
            np.sqrt(1 - s) * silent @ b,
            np.zeros(len(b)),
            np.sqrt(1 - s) * eye @ b,
        ]
    )
    return np.linalg.lstsq(left, right, rcond=None)[0]


def with_share(bridge: Bridge, half: float) -> Bridge:
    return replace(bridge, half_listeners=half, steepness=1.0)


def test_it_minimises_what_it_says() -> None:
    bridge = with_share(BRIDGE, 60.0)
    found = settled(WORLD.factors, WORLD.confidence, WORLD.vectors, WORLD.listeners, bridge)
    users = WORLD.factors.users.astype(np.float64)
    expected = bridge.expect(WORLD.vectors, WORLD.listeners)
    share = bridge.learned_share(WORLD.listeners)
    for row in (0, 17, 100):
        c = WORLD.confidence[:, [row]].toarray().ravel().astype(np.float64)
        wanted = minimised(users, c, expected[row].astype(np.float64), float(share[row]))
        np.testing.assert_allclose(found.tracks[row], wanted, atol=1e-5)  # factors are float32


def test_nobody_s_track_gets_exactly_the_bridge_and_listeners_stay() -> None:
    confidence = WORLD.confidence.tolil()
    confidence[:, 5] = 0
    confidence = confidence.tocsr()
    confidence.eliminate_zeros()
    factors = solved(WORLD.factors.users, confidence)
    listeners = WORLD.listeners.copy()
    listeners[5] = 0
    found = settled(factors, confidence, WORLD.vectors, listeners, BRIDGE)
    np.testing.assert_array_equal(found.tracks[5], BRIDGE.predict(WORLD.vectors)[5])
    assert found.users is factors.users


def test_many_listeners_leave_what_was_learned() -> None:
    bridge = with_share(BRIDGE, 1e-3)
    found = settled(WORLD.factors, WORLD.confidence, WORLD.vectors, WORLD.listeners, bridge)
    np.testing.assert_array_equal(found.tracks, WORLD.factors.tracks)


def test_without_audio_a_factor_stays_and_without_plays_it_stays_zero() -> None:
    vectors = WORLD.vectors.copy()
    vectors[[3, 5]] = 0
    factors = replace(WORLD.factors, tracks=WORLD.factors.tracks.copy())
    factors.tracks[5] = 0
    confidence = WORLD.confidence.tolil()
    confidence[:, 5] = 0
    found = settled(factors, confidence.tocsr(), vectors, WORLD.listeners, BRIDGE)
    np.testing.assert_array_equal(found.tracks[3], factors.tracks[3])
    assert not found.tracks[5].any()


def test_a_bridge_that_learned_nothing_changes_nothing() -> None:
    none = no_bridge(WORLD.vectors.shape[1], WORLD.factors.dim)
    found = settled(WORLD.factors, WORLD.confidence, WORLD.vectors, WORLD.listeners, none)
    assert found is WORLD.factors


def test_a_first_play_by_a_listener_raises_their_score() -> None:
    confidence = WORLD.confidence.tolil()
    confidence[:, 5] = 0
    confidence[42, 5] = 2.0
    confidence = confidence.tocsr()
    confidence.eliminate_zeros()
    factors = solved(WORLD.factors.users, confidence)
    listeners = WORLD.listeners.copy()
    listeners[5] = 1
    bridge = replace(BRIDGE, lift=np.zeros_like(BRIDGE.lift), stretch=1.0)
    found = settled(factors, confidence, WORLD.vectors, listeners, bridge)
    user = factors.users[42]
    assert user @ found.tracks[5] > user @ bridge.predict(WORLD.vectors[[5]])[0]
