"""A ranker gives every candidate a finite score from its own features alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ranking.model import FeatureMatrix
from ranking.protocols import Ranker
from ranking.rankers.blend import BlendRanker
from ranking.rankers.fusion import RANK_PREFIX, FusionRanker
from ranking.rankers.head_training import HeadsConfig, OutcomeData, train_heads
from ranking.rankers.heads import HeadsRanker
from ranking.rankers.lightgbm import LightGbmRanker
from ranking.rankers.outcomes import HeadConfig
from ranking.rankers.training import RankerConfig, RankingData, train_ranker

NAMES = (f"{RANK_PREFIX}popular", f"{RANK_PREFIX}similar", "plays", "cosine")


def features(n: int = 50, seed: int = 1) -> FeatureMatrix:
    """Return features, a third of them missing."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 30, (n, len(NAMES))).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = np.nan
    return FeatureMatrix(NAMES, values)


@cache
def trained() -> LightGbmRanker:
    values = features(400, seed=2).values
    wanted = np.nan_to_num(values[:, 3]) > np.nan_to_num(values[:, 0])
    groups = np.full(20, 20, dtype=np.int64)
    data = RankingData(NAMES, values, wanted.astype(np.int32), groups)
    return train_ranker(data, RankerConfig(trees=20, min_leaf_rows=5, threads=1), seed=4)


@cache
def trained_heads() -> HeadsRanker:
    values = features(400, seed=2).values
    heads = tuple(HeadConfig(name=name, weight=weight) for name, weight in (("a", 1), ("b", -2)))
    outcomes = {"a": np.nan_to_num(values[:, 3]) > 9, "b": np.nan_to_num(values[:, 2]) > 9}
    data = OutcomeData(
        NAMES,
        values,
        {name: happened.astype(np.float32) for name, happened in outcomes.items()},
        at_ms=np.arange(400),
        positions=np.arange(400, dtype=np.float32) % 20,
        weights=np.ones(400, np.float32),
    )
    trees = RankerConfig(trees=20, min_leaf_rows=5, threads=1, validation_share=0.5)
    return train_heads(data, HeadsConfig(heads=heads), trees, seed=4)[0]


class RankerContract:
    """Inherit, and say how the ranker is made."""

    def make(self) -> Ranker:
        raise NotImplementedError

    def test_it_is_a_ranker_of_known_columns(self) -> None:
        assert isinstance(self.make(), Ranker)
        assert set(self.make().feature_names) <= set(NAMES)

    def test_scores_are_finite_float32_even_where_all_is_missing(self) -> None:
        matrix = features()
        for values in (matrix.values, np.full_like(matrix.values, np.nan)):
            scores = self.make().score(FeatureMatrix(NAMES, values))
            assert scores.shape == (len(values),)
            assert scores.dtype == np.float32
            assert np.isfinite(scores).all()

    def test_a_row_is_judged_by_itself(self) -> None:
        ranker, matrix = self.make(), features()
        together = ranker.score(matrix)
        alone = [
            ranker.score(FeatureMatrix(NAMES, matrix.values[at : at + 1]))[0] for at in range(50)
        ]
        np.testing.assert_array_equal(alone, together)
        order = np.random.default_rng(3).permutation(50)
        shuffled = ranker.score(FeatureMatrix(NAMES, matrix.values[order]))
        np.testing.assert_array_equal(shuffled, together[order])

    def test_the_features_are_left_as_they_are(self) -> None:
        matrix = features()
        before = matrix.values.tobytes()
        self.make().score(matrix)
        assert matrix.values.tobytes() == before

    def test_columns_are_found_by_name(self) -> None:
        matrix, order = features(), [2, 0, 3, 1]
        moved = FeatureMatrix(tuple(NAMES[at] for at in order), matrix.values[:, order])
        # Sums of a few float32 terms in another order.
        np.testing.assert_allclose(
            self.make().score(moved), self.make().score(matrix), rtol=1e-6, atol=1e-7
        )

    def test_nothing_has_no_scores(self) -> None:
        assert self.make().score(features(0)).shape == (0,)


class TestFusion(RankerContract):
    def make(self) -> Ranker:
        return FusionRanker()


class TestLightGbm(RankerContract):
    def make(self) -> Ranker:
        return trained()


class TestLightGbmReadBack(RankerContract):
    @pytest.fixture(autouse=True)
    def _saved(self, tmp_path: Path) -> None:
        trained().save(tmp_path)
        self.folder = tmp_path

    def make(self) -> Ranker:
        return LightGbmRanker.load(self.folder)


class TestHeads(RankerContract):
    def make(self) -> Ranker:
        return trained_heads()


class TestHeadsReadBack(RankerContract):
    @pytest.fixture(autouse=True)
    def _saved(self, tmp_path: Path) -> None:
        trained_heads().save(tmp_path)
        self.folder = tmp_path

    def make(self) -> Ranker:
        return HeadsRanker.load(self.folder)


class TestBlend(RankerContract):
    def make(self) -> Ranker:
        return BlendRanker({"plays": 0.7, "cosine": -1.3, NAMES[0]: 0.01})
