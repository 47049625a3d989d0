"""The fitted share, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.bridge.model import learned_share
from embeddings.bridge.shrinkage import ALL, Thinned, fit_shrinkage, thin
from tests.support.bridges import world

WORLD = world(share=0.5)
METRIC = np.eye(WORLD.factors.dim)
ROWS = np.flatnonzero(WORLD.listeners >= 110)


def thinned(expected: np.ndarray) -> Thinned:
    rng = np.random.default_rng(4)
    return thin(WORLD.factors, WORLD.confidence, ROWS, expected, rng)


def test_perfect_sound_outlives_many_listeners_and_noise_gives_way_at_once() -> None:
    truth = WORLD.factors.tracks[ROWS].astype(np.float64)
    noise = np.random.default_rng(5).standard_normal(truth.shape) * truth.std() * 3
    good, bad = (fit_shrinkage(thinned(b), METRIC) for b in (truth, noise))
    assert good.half_listeners > 20 * bad.half_listeners
    at_ten = [learned_share(np.array([10]), s.half_listeners, s.steepness)[0] for s in (good, bad)]
    assert at_ten[0] < 0.2 < 0.8 < at_ten[1]


def test_the_fit_is_no_worse_than_any_fixed_weight_of_its_kind() -> None:
    rng = np.random.default_rng(6)
    truth = WORLD.factors.tracks[ROWS].astype(np.float64)
    guess = truth + rng.standard_normal(truth.shape) * truth.std()
    sample = thinned(guess)
    fit = fit_shrinkage(sample, METRIC)

    def loss(half: float, steepness: float) -> float:
        trust = 1 - learned_share(sample.listeners, half, steepness)
        errors = np.sum((sample.missed + trust[:, None] * sample.moved) ** 2, axis=1)
        return sum(errors[sample.levels == level].mean() for level in np.unique(sample.levels))

    best = loss(fit.half_listeners, fit.steepness)
    for half in np.logspace(-1, 4, 26):
        for steepness in (0.5, 1.0, 2.0, 4.0):
            assert best <= loss(float(half), steepness) * (1 + 1e-3)  # the search's own tolerance


def test_with_everyone_there_nothing_is_missed_and_plays_alone_are_best() -> None:
    truth = WORLD.factors.tracks[ROWS].astype(np.float64)
    sample = thinned(truth * 0.5)
    whole = sample.levels == ALL
    assert not sample.missed[whole].any()
    np.testing.assert_allclose(sample.full[whole], truth, atol=1e-5)  # kept as float32
    fit = fit_shrinkage(sample, METRIC)
    assert fit.best[fit.levels == ALL] == pytest.approx(1.0)
    assert fit.errors[fit.levels == ALL, 0] == pytest.approx(0.0)


def test_thinning_leaves_as_many_listeners_as_it_says_and_fewer_miss_more() -> None:
    sample = thinned(np.zeros((len(ROWS), WORLD.factors.dim)))
    levels = np.unique(sample.levels)
    assert {ALL, 1, 2, 5, 10, 20, 50, 100} <= set(levels.tolist())
    partial = sample.levels != ALL
    np.testing.assert_array_equal(sample.listeners[partial], sample.levels[partial])
    missed = [np.sum(sample.missed[sample.levels == n] ** 2) for n in (1, 10, 50, 100)]
    assert missed == sorted(missed, reverse=True)
