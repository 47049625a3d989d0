"""Interleaving is judged by listener."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.errors import ExperimentError
from pipelines.experiments.sequential.always_valid import AlwaysValidConfig
from pipelines.experiments.statistics.preferences import always_valid_preference, preference


def test_it_is_a_t_test_over_listeners_who_gave_credit() -> None:
    first = np.array([3, 0, 1, 0, 2, 5, 0])
    second = np.array([1, 0, 1, 4, 0, 5, 1])
    found = preference(first, second)
    shown = np.array([-0.5, 0.0, 1.0, -1.0, 0.0, 1.0])
    expected = stats.ttest_1samp(shown, 0)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.listeners, found.wins, found.ties) == (6, (2, 2), 2)
    interval = expected.confidence_interval(0.95)
    assert (found.preference.low, found.preference.high) == pytest.approx(
        (max(interval.low, -1), min(interval.high, 1))
    )


def test_a_heavy_listener_counts_once() -> None:
    first, second = np.array([0, 0, 0, 10_000]), np.array([1, 1, 1, 0])
    assert preference(first, second).preference.estimate == pytest.approx(0.5)


def test_a_few_who_agree_are_not_proof() -> None:
    few = preference(np.zeros(3, dtype=int), np.ones(3, dtype=int))
    assert few.p_value > 0.1
    assert few.preference.low < 0
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
