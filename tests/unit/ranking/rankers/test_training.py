"""The ranker learns what can be learned, repeatably."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import ArtifactError, DataError
from ranking.model import FeatureMatrix
from ranking.rankers.lightgbm import LightGbmRanker
from ranking.rankers.training import RankerConfig, RankingData, train_ranker

CONFIG = RankerConfig(trees=40, min_leaf_rows=5, threads=1)


def requests(n_groups: int, seed: int = 3) -> RankingData:
    """Return requests in which the first feature decides and the second is noise."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_groups * 20, 2)).astype(np.float32)
    best = values[:, 0].reshape(n_groups, 20).argsort(axis=1)[:, -3:]
    labels = np.zeros((n_groups, 20), dtype=np.int32)
    np.put_along_axis(labels, best, 2, axis=1)
    groups = np.full(n_groups, 20, dtype=np.int64)
    return RankingData(("signal", "noise"), values, labels.ravel(), groups)


def test_it_ranks_by_the_feature_that_decides() -> None:
    ranker = train_ranker(requests(80), CONFIG, seed=1)
    fresh = requests(20, seed=4)
    scores = ranker.score(FeatureMatrix(fresh.names, fresh.values)).reshape(20, 20)
    labels = fresh.labels.reshape(20, 20)
    top = np.argsort(-scores, axis=1)[:, :3]
    found = np.take_along_axis(labels, top, axis=1) > 0
    assert found.mean() > 0.85  # chance is 0.15; 40 trees cut a normal coarsely


def test_the_same_seed_gives_the_same_model() -> None:
    first, again = (train_ranker(requests(40), CONFIG, seed=9) for _ in range(2))
    assert first.booster.model_to_string() == again.booster.model_to_string()


def test_too_few_requests_or_no_outcome_is_said_not_crashed() -> None:
    with pytest.raises(DataError, match="too few"):
        train_ranker(requests(1), CONFIG, seed=1)
    silent = requests(10)
    silent.labels[:] = 0
    with pytest.raises(DataError, match="too few"):
        train_ranker(silent, CONFIG, seed=1)


def test_a_ranker_survives_its_file_and_names_what_it_lacks(tmp_path: Path) -> None:
    data = requests(40)
    ranker = train_ranker(data, CONFIG, seed=1)
    ranker.save(tmp_path)
    loaded = LightGbmRanker.load(tmp_path)
    matrix = FeatureMatrix(data.names, data.values)
    # The text file holds every digit of a double.
    np.testing.assert_array_equal(loaded.score(matrix), ranker.score(matrix))
    swapped = FeatureMatrix(("noise", "extra", "signal"), data.values[:, [1, 1, 0]])
    np.testing.assert_array_equal(loaded.score(swapped), ranker.score(matrix))
    with pytest.raises(ArtifactError, match="signal"):
        loaded.score(FeatureMatrix(("noise",), data.values[:, 1:]))
    (tmp_path / "model.txt").write_text("rubbish")
    with pytest.raises(ArtifactError, match=r"model\.txt"):
        LightGbmRanker.load(tmp_path)


def test_selecting_groups_keeps_rows_with_their_group() -> None:
    data = requests(6)
    part = data.select(np.array([4, 1]))
    np.testing.assert_array_equal(part.values[:20], data.values[80:100])
    np.testing.assert_array_equal(part.labels[20:], data.labels[20:40])
    assert part.groups.tolist() == [20, 20]
