"""Arms: intervals cover the truth as often as they say; what is not known has none."""

import numpy as np

from core.randomness import generator
from pipelines.world.arms import difference, interval, ratio_draws, ratio_of


def listeners(count, p_finish, rng):
    """Return finishes and impressions of listeners who differ in how much they listen."""
    shown = 10 * rng.geometric(0.3, count)
    own = np.clip(rng.normal(p_finish, 0.08, count), 0.0, 1.0)
    return rng.binomial(shown, own), shown


def test_the_ratio_is_of_the_sums_and_lies_in_its_interval():
    above, below = np.array([1, 3, 0]), np.array([10, 10, 20])
    assert ratio_of(above, below) == 0.1
    draws = ratio_draws(above, below, 500, generator(1, "draws"))
    found = interval(0.1, draws)
    assert found.low <= found.mean == 0.1 <= found.high


def test_the_interval_covers_the_true_ratio_in_about_ninety_five_of_a_hundred_worlds():
    covered = 0
    for world in range(300):
        rng = generator(world, "coverage")
        pair = listeners(80, 0.3, rng)
        found = interval(ratio_of(*pair), ratio_draws(*pair, 300, rng))
        covered += found.low <= 0.3 <= found.high
    # binomial of 300 at 0.95: standard error 1.3 %; the percentile bootstrap covers a little less
    assert 0.90 < covered / 300 < 0.985


def test_the_difference_of_equal_arms_holds_zero_and_of_unequal_ones_does_not():
    rng = generator(1, "difference")
    one, same, better = (listeners(200, p, rng) for p in (0.2, 0.2, 0.35))
    level = difference(one, same, 1000, rng)
    assert level.low < 0 < level.high
    gain = difference(better, one, 1000, rng)
    assert 0.08 < gain.low < gain.mean < gain.high < 0.22


def test_an_arm_that_saw_nothing_has_no_estimate():
    nobody = (np.empty(0, np.int64), np.empty(0, np.int64))
    rng = generator(1, "empty")
    assert interval(ratio_of(*nobody), ratio_draws(*nobody, 100, rng)).mean is None
    found = difference(listeners(10, 0.3, rng), nobody, 100, rng)
    assert (found.mean, found.low, found.high) == (None, None, None)


def test_equal_generators_give_equal_intervals():
    pair = listeners(30, 0.3, generator(2, "pair"))
    one, two = (ratio_draws(*pair, 200, generator(3, "draws")) for _ in range(2))
    np.testing.assert_array_equal(one, two)
