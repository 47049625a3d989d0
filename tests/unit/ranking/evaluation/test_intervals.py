"""Intervals: their coverage is simulated, not believed."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.evaluation.intervals import bootstrap_mean, jackknife


def test_intervals_cover_the_true_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    covered = 0
    trials = 300
    for _ in range(trials):
        sample = rng.exponential(1.0, 150)  # skewed, as listeners are; true mean 1
        found = bootstrap_mean(sample, rng)
        covered += found.low <= 1.0 <= found.high
    # Binomial(300, 0.95) has a standard deviation of 1.3 points; the percentile bootstrap of a
    # skewed sample of 150 falls short by a point or two. Half-width or double-width would give
    # 67 % or 99.99 %.
    assert 0.90 <= covered / trials <= 0.98


def test_missing_values_are_left_out() -> None:
    rng = np.random.default_rng(1)
    found = bootstrap_mean(np.array([1.0, np.nan, 3.0]), rng)
    assert found.mean == pytest.approx(2.0)
    nothing = bootstrap_mean(np.array([np.nan]), rng)
    assert np.isnan(nothing.mean)
    assert nothing.model_dump(mode="json") == {"mean": None, "low": None, "high": None}


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(2).normal(size=40)
    without = (values.sum() - values) / 39
    found = jackknife(float(values.mean()), without)
    # Exact algebra: the jackknife of a mean is s / sqrt(n).
    assert (found.high - found.low) / 2 / 1.959964 == pytest.approx(values.std(ddof=1) / 40**0.5)
    assert np.isnan(jackknife(1.0, np.array([1.0])).low)
