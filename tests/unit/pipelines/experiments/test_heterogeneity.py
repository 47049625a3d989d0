"""Effects that are one are seldom called different, and different ones are found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.errors import ExperimentError
from pipelines.experiments.statistics.heterogeneity import heterogeneity, independence


def test_two_segments_are_compared_as_a_z_test_would() -> None:
    found = heterogeneity([1.0, 3.0], [0.5, 0.25])
    z = 2.0 / np.sqrt(0.75)
    assert found.statistic == pytest.approx(z**2)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(z))
    assert found.freedom == 1


def test_one_effect_is_called_different_as_often_as_is_claimed() -> None:
    rng = np.random.default_rng(5)
    variances = np.array([0.2, 1.0, 3.0, 0.5])
    drawn = rng.normal(2.0, np.sqrt(variances), (4000, 4))
    rejected = np.mean([heterogeneity(row, variances).p_value <= 0.05 for row in drawn])
    assert 0.036 <= rejected <= 0.064  # four standard errors of 4,000 draws


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ExperimentError, match="at least two"):
        heterogeneity([1.0], [1.0])
    with pytest.raises(ExperimentError, match="whose values vary"):
        heterogeneity([1.0, 2.0], [1.0, 0.0])


def test_splits_are_independent_as_pearson_says() -> None:
    table = [[120, 80, 60], [90, 100, 70]]
    assert independence(table) == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue
    )
    assert independence([[120, 0, 60], [90, 0, 70]]) == pytest.approx(
        stats.chi2_contingency([[120, 60], [90, 70]], correction=False).pvalue
    )
    assert independence([[5, 0], [9, 0]]) == 1.0
