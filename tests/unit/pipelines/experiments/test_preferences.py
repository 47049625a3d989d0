"""Interleaving is judged by listener."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.errors import ExperimentError
from pipelines.experiments.sequential.always_valid import AlwaysValidConfig
from pipelines.experiments.statistics.preferences import always_valid_preference, preference


def test_listeners_alike_in_credits_are_a_t_test() -> None:
    second = np.array([4, 2, 0, 3, 1, 4, 4, 0, 3])
    found = preference(4 - second, second)
    expected = stats.ttest_1samp((2 * second - 4) / 4, 0)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.listeners, found.wins, found.ties) == (9, (3, 5), 1)
    interval = expected.confidence_interval(0.95)
    assert (found.preference.low, found.preference.high) == pytest.approx(
        (max(interval.low, -1), min(interval.high, 1))
    )


def test_a_preference_weighs_as_the_root_of_its_credits() -> None:
    first, second = np.array([0, 0, 0, 100, 0]), np.array([1, 1, 1, 0, 0])
    found = preference(first, second)
    assert found.listeners == 4
    assert found.preference.estimate == pytest.approx((3 - 10) / 13)
    weighed = np.array([1.0, 1.0, 1.0, -10.0])
    assert found.p_value == pytest.approx(stats.ttest_1samp(weighed, 0).pvalue)


def test_listeners_without_a_preference_are_told_apart_in_one_of_twenty() -> None:
    rng = np.random.default_rng(11)
    for listeners in (8, 30):
        found = 0
        for _ in range(2000):
            total = 1 + rng.negative_binomial(1, 0.15, listeners)
            taste = rng.beta(2, 2, listeners)
            second = rng.binomial(total, taste)
            found += preference(total - second, second).p_value < 0.05
        # 2,000 tests at 5 % lie within 1.5 points but once in 500 times.
        assert 0.035 < found / 2000 < 0.065


def test_a_few_who_agree_are_not_proof() -> None:
    few = preference(np.zeros(3, dtype=int), np.ones(3, dtype=int))
    assert few.p_value == 0.25  # three coins fall alike so often
    assert few.preference.low == -1.0
    five = preference(np.zeros(5, dtype=int), np.array([4, 4, 4, 4, 5]))
    assert five.p_value > 0.05
    assert five.preference.low == -1.0
    many = preference(np.zeros(40, dtype=int), np.ones(40, dtype=int))
    assert many.p_value < 1e-6


def test_looking_often_needs_more() -> None:
    rng = np.random.default_rng(7)
    second = rng.binomial(5, 0.56, 400)
    once, often = preference(5 - second, second), always_valid_preference(5 - second, second)
    assert once.p_value < often.p_value
    assert often.preference.low < once.preference.low
    assert (often.p_value < 0.05) == (not often.preference.holds(0))
    early = always_valid_preference(5 - second[:50], second[:50], AlwaysValidConfig())
    assert (early.p_value, early.preference.low, early.preference.high) == (1.0, -1.0, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [([1, 2], [1], "shapes"), ([-1, 2], [1, 2], "≥ 0"), ([0, 1], [0, 0], "1 of 2 listeners")],
)
def test_what_cannot_be_compared_is_refused(first: list, second: list, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        preference(np.array(first), np.array(second))
