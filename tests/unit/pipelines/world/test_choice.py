"""Choice: draws follow their weights, and the propensity told is the probability drawn by."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.randomness import generator
from pipelines.world.choice import chart_weights, propensities, race, sought_weights

WEIGHTS = np.array([0.5, 0.3, 0.15, 0.05, 0.0], dtype=np.float32)


def test_first_and_second_draws_come_as_often_as_their_weights_say():
    draws = race(np.tile(WEIGHTS, (60_000, 1)), 2, generator(1, "race"))
    first = np.bincount(draws[:, 0], minlength=5) / 60_000
    # the standard error of each share is at most 0.002
    np.testing.assert_allclose(first, WEIGHTS, atol=0.008)
    second = np.bincount(draws[draws[:, 0] == 0, 1], minlength=5)
    np.testing.assert_allclose(second / second.sum(), [0, 0.6, 0.3, 0.1, 0], atol=0.012)


def test_propensities_are_the_weights_among_what_was_left():
    told = propensities(WEIGHTS[None, :], np.array([[1, 0, 3, -1]]))
    np.testing.assert_allclose(told[0, :3], [0.3, 0.5 / 0.7, 0.05 / 0.2], rtol=1e-5)
    assert np.isnan(told[0, 3])


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 12), tracks=st.integers(1, 9))
def test_a_draw_is_distinct_and_never_of_weight_zero(seed, size, tracks):
    rng = generator(seed, "weights")
    weights = (rng.random((7, tracks)) * (rng.random((7, tracks)) < 0.6)).astype(np.float32)
    drawn = race(weights, size, rng)
    assert drawn.shape == (7, min(size, tracks))
    for row, of in zip(drawn, weights, strict=True):
        kept = row[row >= 0]
        assert len(set(kept)) == kept.size == min(size, np.count_nonzero(of))
        assert (of[kept] > 0).all()
    told = propensities(weights, drawn)
    assert (np.isnan(told) == (drawn < 0)).all()
    assert ((told > 0) & (told <= 1))[drawn >= 0].all()


def test_charts_mix_recent_plays_with_an_even_share_over_what_is_out():
    popularity = np.array([6.0, 2.0, 0.0, 9.0], dtype=np.float32)
    on_air = np.array([True, True, True, False])
    weights = chart_weights(popularity, on_air, power=1.0, exploration=0.3)
    np.testing.assert_allclose(weights, [0.7 * 0.75 + 0.1, 0.7 * 0.25 + 0.1, 0.1, 0.0], rtol=1e-6)
    even = chart_weights(np.zeros(4, np.float32), on_air, power=1.0, exploration=0.3)
    np.testing.assert_allclose(even, [1 / 3, 1 / 3, 1 / 3, 0], rtol=1e-6)


def test_seeking_prefers_appeal_and_fame_and_passes_over_what_is_not_allowed():
    appeal = np.array([[0.0, 1.0, 1.0, 9.0]], dtype=np.float32)
    popularity = np.array([3.0, 3.0, 30.0, 3.0], dtype=np.float32)
    allowed = np.array([[True, True, True, False]])
    weights = sought_weights(appeal, popularity, allowed, taste=2.0, fame=0.5)[0]
    assert weights[3] == 0
    np.testing.assert_allclose(weights[1] / weights[0], np.exp(2.0), rtol=1e-5)
    np.testing.assert_allclose(weights[2] / weights[1], np.sqrt(31 / 4), rtol=1e-5)
    nothing = sought_weights(appeal, popularity, np.zeros((1, 4), bool), taste=2.0, fame=0.5)
    assert (nothing == 0).all()
