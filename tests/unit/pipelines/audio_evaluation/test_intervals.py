"""Intervals of correlated figures and of ratios hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.audio_evaluation.intervals import label_bootstrap, ratio_bootstrap, wilson
from ranking.evaluation.intervals import bootstrap_mean


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_mean_is_that_of_all_queries() -> None:
    values, codes = np.array([1.0, 0.0, 0.0, np.nan, 1.0]), np.array([0, 0, 1, 1, 2])
    assert label_bootstrap(values, codes, rng()).mean == 0.5


def test_one_label_has_no_spread_between_labels() -> None:
    found = label_bootstrap(np.array([0.0, 1.0]), np.array([7, 7]), rng())
    assert (found.low, found.high) == (0.5, 0.5)


def test_labels_that_succeed_together_widen_the_interval() -> None:
    codes = np.repeat(np.arange(10), 20)
    values = np.repeat(rng().random(10), 20)
    by_label, by_query = label_bootstrap(values, codes, rng()), bootstrap_mean(values, rng())
    # 200 queries are worth 10: the interval grows by the square root of 20, 4.5 times.
    assert by_label.high - by_label.low > 3 * (by_query.high - by_query.low)


def test_the_interval_over_labels_covers_the_truth() -> None:
    draws, covered = rng(3), 0
    codes = np.repeat(np.arange(25), 8)
    for _ in range(200):
        values = np.repeat(draws.normal(size=25), 8) + draws.normal(size=200)
        found = label_bootstrap(values, codes, draws)
        covered += found.low <= 0.0 <= found.high
    # A percentile interval of 25 labels covers about 93 %; 4 standard errors are 7 %.
    assert covered / 200 > 0.86


def test_a_constant_ratio_is_certain() -> None:
    others = rng().random(50)
    found = ratio_bootstrap(1.4 * others, others, rng())
    assert (found.mean, found.low, found.high) == pytest.approx((1.4, 1.4, 1.4))


def test_pairing_makes_a_ratio_surer_than_its_parts() -> None:
    hardness = rng().random(200)
    found = ratio_bootstrap(1.2 * hardness + 0.01 * rng(1).random(200), hardness, rng())
    assert found.low > 1.19
    assert found.high < 1.25


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [np.nan, np.nan]])
def test_where_nothing_was_found_there_is_no_ratio(values: list[float]) -> None:
    found = ratio_bootstrap(np.array(values), np.array(values), rng())
    assert np.isnan(found.mean)
    assert found.model_dump(mode="json") == {"mean": None, "low": None, "high": None}


def test_nothing_measured_has_no_mean() -> None:
    assert np.isnan(label_bootstrap(np.array([np.nan]), np.array([0]), rng()).mean)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_is_the_textbook_interval(hits: int, n: int, low: float, high: float) -> None:
    """The last case is from Newcombe, "Two-sided confidence intervals", 1998, table I."""
    found = wilson(hits, n)
    assert found.mean == hits / n
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert np.isnan(wilson(0, 0).mean)
