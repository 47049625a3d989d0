"""Reciprocal rank fusion, by hand."""

from __future__ import annotations

import numpy as np

from ranking.model import FeatureMatrix
from ranking.rankers.fusion import FusionRanker


def test_it_adds_reciprocal_ranks_and_ignores_other_columns() -> None:
    nan = np.nan
    values = np.array([[0, nan, 9], [1, 0, 9], [nan, nan, 9]], dtype=np.float32)
    scores = FusionRanker().score(FeatureMatrix(("rank_a", "rank_b", "other"), values))
    np.testing.assert_allclose(scores, [1 / 60, 1 / 61 + 1 / 60, 0], rtol=1e-6)  # float32


def test_a_source_can_weigh_more() -> None:
    values = np.array([[0, np.nan], [np.nan, 0]], dtype=np.float32)
    scores = FusionRanker({"b": 3.0}).score(FeatureMatrix(("rank_a", "rank_b"), values))
    np.testing.assert_allclose(scores, [1 / 60, 3 / 60], rtol=1e-6)
