"""The whole fit, on worlds with a planted link between sound and taste."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from embeddings.bridge.configuration import BridgeConfig
from embeddings.bridge.examples import examples_of
from embeddings.bridge.fitting import fit_bridge
from embeddings.bridge.model import Bridge
from tests.support.bridges import World, world

RIDGE_ONLY = BridgeConfig(network_tracks=10_000)
BOTH = BridgeConfig(network_tracks=100, network_hidden=32, network_steps=100)


def fit(at: World, config: BridgeConfig = RIDGE_ONLY, seed: int = 1) -> Bridge:
    return fit_bridge(at.factors, at.confidence, at.vectors, at.listeners, config, seed)


def test_what_sound_explains_is_found_and_noise_is_not() -> None:
    known = world()
    assert fit(known).figures["explained"] > 0.8
    rng = np.random.default_rng(0)
    shuffled = World(
        known.factors, known.confidence, rng.permutation(known.vectors), known.listeners
    )
    assert fit(shuffled).figures["explained"] < 0.05


def test_the_same_seed_gives_the_same_bridge() -> None:
    known, short = world(bend=1.0), BOTH.model_copy(update={"network_steps": 10})
    one, two, other = fit(known, short), fit(known, short), fit(known, short, seed=2)
    np.testing.assert_array_equal(one.predict(known.vectors), two.predict(known.vectors))
    assert one.figures == two.figures
    assert "network_explained" in one.figures
    assert one.figures != other.figures


def test_a_network_is_taken_where_it_wins_and_not_where_the_world_is_linear() -> None:
    bent, straight = fit(world(bend=1.0), BOTH), fit(world(bend=0.0), BOTH)
    assert bent.hidden.shape[1] == 32
    assert bent.figures["network_explained"] > bent.figures["explained"] + 0.1
    assert straight.hidden.shape[1] == 0
    assert "network_explained" in straight.figures


@pytest.mark.parametrize("silent", ["audio", "plays"])
def test_too_few_tracks_teach_nothing(silent: str) -> None:
    known = world()
    few = np.arange(len(known.vectors)) < 39  # one less than `min_tracks`
    vectors = np.where(few[:, None], known.vectors, 0) if silent == "audio" else known.vectors
    listeners = np.where(few, known.listeners, 0) if silent == "plays" else known.listeners
    sparse_world = World(known.factors, known.confidence, vectors.astype(np.float32), listeners)
    assert not fit(sparse_world).speaks


def test_optimism_puts_fresh_tracks_where_known_ones_stand() -> None:
    known = world()
    plain = fit(known, RIDGE_ONLY.model_copy(update={"optimism": 0.0}))
    hopeful = fit(known, RIDGE_ONLY.model_copy(update={"optimism": 1.0}))
    assert not plain.lift.any()
    assert plain.stretch == 1.0
    users, learned = known.factors.users, known.factors.tracks

    def spread(tracks: np.ndarray) -> float:
        return float(np.sum((users @ (tracks - tracks.mean(axis=0)).T) ** 2))

    timid, hope = plain.predict(known.vectors), hopeful.predict(known.vectors)
    # The weights of nearly equally known tracks differ by a few per cent.
    assert spread(timid) < 0.98 * spread(learned)
    assert spread(hope) == pytest.approx(spread(learned), rel=0.02)
    shares = known.listeners / known.listeners.sum()
    unstretched = replace(hopeful, stretch=1.0).predict(known.vectors)
    np.testing.assert_allclose(shares @ unstretched, shares @ learned, atol=1e-4)


def test_tracks_with_hardly_a_listener_hardly_count() -> None:
    weights = np.array([1, 20, 2000]) / (np.array([1, 20, 2000]) + 20.0)
    rng = np.random.default_rng(0)
    ones = np.ones((3, 2), np.float32)
    found = examples_of(ones, ones, ones, weights, 2, rng).weights
    assert found[1] / found[2] == pytest.approx(0.505, abs=1e-3)
    assert found[0] / found[1] == pytest.approx(2 / 21)


def test_what_predicts_loads_no_torch() -> None:
    light = "embeddings.bridge.model, embeddings.bridge.settling, embeddings.bridge.fitting"
    code = f"import sys, {light}; print(sorted({{'torch', 'implicit'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
