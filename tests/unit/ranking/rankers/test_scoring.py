"""ONNX Runtime gives LightGBM's scores: at random, at every threshold, around zero, for missing."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from ranking.rankers.forest import UnsupportedForestError, read_forest
from ranking.rankers.onnx_forest import rounded_down
from ranking.rankers.scoring import TOLERANCE, ForestScorer, open_scorer, predicted, probe

COLUMNS = 6


def grown(seed: int = 1, trees: int = 60, **parameters: object) -> lightgbm.Booster:
    """Return trees over columns with and without gaps, a column of counts and one of zeros."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(3_000, COLUMNS))
    values[rng.random(3_000) < 0.2, 1] = np.nan
    values[:, 2] = rng.poisson(0.7, 3_000)
    values[:, 3] *= 1e-36  # inside the band that LightGBM reads as zero
    wanted = np.nan_to_num(values[:, 1]) + values[:, 2] + 1e36 * values[:, 3] > rng.normal(0.7, 1)
    settings = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "num_threads": 1}
    columns = parameters.pop("categories", "auto")
    data = lightgbm.Dataset(
        values, wanted.astype(float), categorical_feature=columns, params={"verbosity": -1}
    )
    return lightgbm.train({**settings, **parameters}, data, trees)


def assert_equal(scorer: ForestScorer, values: np.ndarray) -> None:
    expected = predicted(scorer.boosters, values)
    limit = TOLERANCE * np.maximum(1.0, np.abs(expected))
    assert (np.abs(scorer.raw(values) - expected) <= limit).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_scores_are_lightgbms(seed: int) -> None:
    boosters = [grown(seed), grown(seed + 10, trees=20)]
    scorer = open_scorer(boosters)
    assert scorer.session is not None
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(500, COLUMNS)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    assert_equal(scorer, values)
    assert_equal(scorer, probe([read_forest(one) for one in boosters], COLUMNS))
    extremes = np.array([[x] * COLUMNS for x in (0, -0.0, np.nan, np.inf, -np.inf, 1e-35, -1e-35)])
    assert_equal(scorer, extremes.astype(np.float32))
    assert scorer.raw(np.empty((0, COLUMNS), np.float32)).shape == (0, 2)


def test_every_threshold_is_tried_by_the_probe() -> None:
    forest = read_forest(grown(trees=5))
    rows = probe([forest], COLUMNS)
    for column in range(COLUMNS):
        steps = np.concatenate([tree.thresholds[tree.features == column] for tree in forest])
        assert np.isin(rounded_down(steps), rows[:, column]).all()


def test_thresholds_decide_as_float64_does() -> None:
    rng = np.random.default_rng(4)
    thresholds = np.concatenate([rng.normal(size=2_000), [0.1, 1e-35, -1e-35, 0.0, 1e300, -1e300]])
    down = rounded_down(thresholds)
    with np.errstate(over="ignore"):
        above = np.nextafter(down, np.float32(np.inf))
    for values in (down, above, np.zeros_like(down)):
        read = np.where(np.abs(values) <= np.float32(1e-35), 0, values).astype(np.float64)
        np.testing.assert_array_equal(values <= down, read <= thresholds)


def test_a_single_leaf_is_a_constant() -> None:
    data = lightgbm.Dataset(np.zeros((100, 2)), np.arange(100) % 4 == 0, params={"verbosity": -1})
    booster = lightgbm.train({"objective": "binary", "verbosity": -1}, data, 1)
    found = open_scorer([booster]).raw(np.ones((3, 2), np.float32))
    np.testing.assert_allclose(found[:, 0], np.log(1 / 3), rtol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"categories": [2]}, "categorical"),
        ({"linear_tree": True, "objective": "regression"}, "linear"),
        ({"zero_as_missing": True}, "zero"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "averaged"),
        ({"objective": "multiclass", "num_class": 3}, "3 scores"),
    ],
)
def test_what_does_not_convert_is_left_to_lightgbm(
    parameters: dict[str, object], reason: str
) -> None:
    booster = grown(trees=4, **parameters)
    with pytest.raises(UnsupportedForestError, match=reason):
        read_forest(booster)
    if "multiclass" in parameters.values():
        return  # several scores a row are no head of ours
    scorer = open_scorer([booster])
    assert scorer.session is None
    assert reason in scorer.reason
    values = np.random.default_rng(3).poisson(1.0, (40, COLUMNS)).astype(np.float32)
    np.testing.assert_array_equal(scorer.raw(values), predicted([booster], values))


def test_trees_that_disagree_are_left_to_lightgbm(monkeypatch: pytest.MonkeyPatch) -> None:
    booster = grown(trees=8)
    name = "ranking.rankers.onnx_forest.rounded_down"
    monkeypatch.setattr(name, lambda thresholds: (thresholds + 0.05).astype(np.float32))
    scorer = open_scorer([booster])
    assert scorer.session is None
    assert "disagrees" in scorer.reason
