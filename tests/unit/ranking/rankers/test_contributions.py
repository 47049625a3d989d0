"""What features add is all there is: base and parts add up to the raw score."""

from __future__ import annotations

import lightgbm
import numpy as np

from ranking.model import FeatureMatrix
from ranking.rankers.calibration import shifted
from ranking.rankers.contributions import contributions
from ranking.rankers.fusion import FusionRanker
from ranking.rankers.heads import POSITION, Head, heads_ranker
from ranking.rankers.lightgbm import LightGbmRanker

RNG = np.random.default_rng(0)
NAMES = ("a", "noise", POSITION)
VALUES = RNG.normal(size=(400, 3)).astype(np.float32)


def grown(column: int) -> lightgbm.Booster:
    labels = VALUES[:, column] + 0.1 * RNG.normal(size=400) > 0
    dataset = lightgbm.Dataset(VALUES, labels.astype(np.float32), feature_name=list(NAMES))
    parameters = {"objective": "binary", "num_leaves": 7, "verbosity": -1, "num_threads": 1}
    return lightgbm.train(parameters, dataset, num_boost_round=10)


def test_parts_add_up_to_raw_scores_of_trees() -> None:
    ranker = LightGbmRanker(grown(0))
    features = FeatureMatrix(NAMES[::-1], VALUES[:, ::-1])  # columns are found by name
    (found,) = contributions(ranker, features)
    total = found.base + found.parts.sum(axis=1)
    # ONNX Runtime adds leaves up in float32.
    np.testing.assert_allclose(total, ranker.score(features), atol=1e-5)
    assert np.abs(found.parts).mean(axis=0).argmax() == 0


def test_every_head_is_taken_apart_in_the_slot_it_is_served_in() -> None:
    heads = [Head("finish", grown(0), shifted(0.0), 1.0), Head("skip", grown(2), shifted(0.0), -1)]
    ranker = heads_ranker(heads, serving_position=1.0)
    features = FeatureMatrix(NAMES[:2], VALUES[:, :2])
    finish, skip = contributions(ranker, features)
    assert (finish.outcome, skip.outcome) == ("finish", "skip")
    probabilities = ranker.predict(features).values
    for column, found in enumerate((finish, skip)):
        total = found.base + found.parts.sum(axis=1)
        np.testing.assert_allclose(1 / (1 + np.exp(-total)), probabilities[:, column], atol=1e-5)
    # Everybody is judged in the same slot, so it adds nearly the same to everybody.
    assert np.ptp(skip.parts[:, NAMES.index(POSITION)]) < 0.1 * np.abs(skip.parts).max()


def test_fusion_has_no_trees() -> None:
    assert contributions(FusionRanker(), FeatureMatrix(NAMES, VALUES)) == ()


def test_nothing_is_taken_apart_of_nothing() -> None:
    (found,) = contributions(LightGbmRanker(grown(0)), FeatureMatrix(NAMES, VALUES[:0]))
    assert found.parts.shape == (0, 3)
