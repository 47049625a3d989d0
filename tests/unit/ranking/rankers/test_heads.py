"""Heads learn their outcomes, say probabilities, and are weighed without training."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from core.errors import ArtifactError, ConfigError, DataError
from core.events import Action
from ranking.model import FeatureMatrix
from ranking.rankers.head_training import HeadsConfig, OutcomeData, train_heads
from ranking.rankers.heads import POSITION, HeadsRanker
from ranking.rankers.outcomes import HeadConfig, value
from ranking.rankers.training import RankerConfig

TREES = RankerConfig(trees=40, leaves=8, min_leaf_rows=50, threads=1, validation_share=0.3)
HEADS = (
    HeadConfig(name="finish", actions=(Action.FINISH,), weight=1.0),
    HeadConfig(name="skip", actions=(Action.SKIP,), weight=-2.0),
)
NAMES = ("liking", "patience", "noise")


def examples(n: int = 12_000, seed: int = 1) -> OutcomeData:
    """Return slots whose finish follows liking and position, and whose skip follows patience."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 3)).astype(np.float32)
    # The old feed showed what is liked first: position and liking hang together.
    positions = np.clip(np.round(10 - 4 * values[:, 0] + rng.normal(0, 3, n)), 0, 19)
    finish = rng.random(n) < expit(-2.0 + values[:, 0] - 0.15 * positions)
    skip = rng.random(n) < expit(-1.0 - 1.5 * values[:, 1])
    return OutcomeData(
        names=NAMES,
        values=values,
        outcomes={"finish": finish.astype(np.float32), "skip": skip.astype(np.float32)},
        at_ms=np.arange(n, dtype=np.int64) * 1000,
        positions=positions.astype(np.float32),
        weights=np.ones(n, np.float32),
    )


@cache
def trained() -> HeadsRanker:
    ranker, left_out = train_heads(examples(), HeadsConfig(heads=HEADS, negatives=2.0), TREES, 3)
    assert not left_out
    return ranker


def test_probabilities_come_true_in_the_first_slot_though_negatives_were_thinned() -> None:
    ranker, fresh = trained(), examples(seed=2)
    assert POSITION in ranker.columns
    assert ranker.feature_names == NAMES
    found = ranker.predict(FeatureMatrix(NAMES, fresh.values))
    assert found.names == ("p_finish", "p_skip")
    first = expit(-2.0 + fresh.values[:, 0])  # position 0, whatever slot they stood in
    # Listeners of low liking were hardly ever shown first: there the trees can only guess.
    shown = fresh.positions < 4
    assert abs(found.values[shown, 0].mean() - first[shown].mean()) < 0.06
    skips = expit(-1.0 - 1.5 * fresh.values[:, 1])
    assert np.abs(found.values[:, 1] - skips).mean() < 0.04
    assert np.corrcoef(found.values[:, 1], skips)[0, 1] > 0.98


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_the_column_position_is_mistaken_for_liking(seed: int) -> None:
    data = examples(seed=seed)
    grid = np.zeros((2, 3), np.float32)
    grid[:, 0] = (-1, 1)
    steps = []
    for position in (False, True):
        config = HeadsConfig(heads=HEADS[:1], position=position)
        ranker, _ = train_heads(data, config, TREES, seed)
        p = ranker.predict(FeatureMatrix(NAMES, grid)).values[:, 0].astype(float)
        steps.append(float(np.diff(np.log(p / (1 - p)))[0]))
    blind, aware = steps
    # The truth is a step of 2; what is little liked was hardly ever shown first, so that the
    # other one is noisy, but it owes nothing to the slot.
    assert blind > 2.0
    assert aware < blind


def test_a_feed_changes_weights_without_training() -> None:
    ranker = trained()
    matrix = FeatureMatrix(NAMES, examples(50, seed=4).values)
    p = ranker.predict(matrix).values
    np.testing.assert_allclose(ranker.score(matrix), p[:, 0] - 2 * p[:, 1], rtol=1e-6, atol=1e-7)
    other = ranker.weighed({"skip": 0.0})
    np.testing.assert_allclose(other.score(matrix), p[:, 0], rtol=1e-6)
    assert other.scorer is ranker.scorer
    with pytest.raises(ConfigError, match="dance"):
        ranker.weighed({"dance": 1.0})


def test_heads_survive_their_files(tmp_path: Path) -> None:
    ranker, matrix = trained(), FeatureMatrix(NAMES, examples(50, seed=5).values)
    ranker.save(tmp_path)
    loaded = HeadsRanker.load(tmp_path)
    np.testing.assert_array_equal(loaded.score(matrix), ranker.score(matrix))
    (tmp_path / "head-skip.txt").unlink()
    with pytest.raises(ArtifactError, match=r"head-skip\.txt"):
        HeadsRanker.load(tmp_path)
    (tmp_path / "heads.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"heads\.json"):
        HeadsRanker.load(tmp_path)


def test_monotone_constraints_hold_everywhere() -> None:
    bound = HeadConfig(name="skip", actions=(Action.SKIP,), monotone={"noise": 1, "absent": 1})
    ranker, _ = train_heads(examples(3_000), HeadsConfig(heads=(bound,)), TREES, 3)
    grid = np.zeros((200, 3), np.float32)
    grid[:, 2] = np.linspace(-4, 4, 200)
    assert (np.diff(ranker.predict(FeatureMatrix(NAMES, grid)).values[:, 0]) >= 0).all()


def test_an_outcome_nobody_can_know_yet_is_left_out_and_a_rare_one_is_told() -> None:
    data = examples(2_000)
    data.outcomes["skip"][:] = np.nan
    ranker, left_out = train_heads(data, HeadsConfig(heads=HEADS), TREES, 3)
    assert ranker.outcomes == ("finish",)
    assert "20 of each are needed" in left_out["skip"]
    data.outcomes["finish"][:] = 0
    with pytest.raises(DataError, match="no head can be trained"):
        train_heads(data, HeadsConfig(heads=HEADS), TREES, 3)


def test_old_examples_count_less() -> None:
    data = examples(4_000)
    turned = data.values[:, 1] * np.where(data.at_ms < 2_000_000, -1, 1)
    rng = np.random.default_rng(8)
    data.outcomes["skip"][:] = rng.random(4_000) < expit(2 * turned)
    heads = HEADS[1:]
    matrix = FeatureMatrix(NAMES, np.array([[0, -2, 0], [0, 2, 0]], np.float32))
    quick = HeadsConfig(heads=heads, half_life_days=0.002)
    ranker, _ = train_heads(data, quick, TREES, 3)
    low, high = ranker.predict(matrix).values[:, 0]
    assert high - low > 0.7  # the newer half alone says 0.96


def test_the_value_model_adds_up_column_by_column() -> None:
    p = np.array([[0.5, 0.25], [1.0, 0.0]], np.float32)
    np.testing.assert_array_equal(value(p, ("a", "b"), {"a": 2, "b": -4, "c": 9}), [0.0, 2.0])


def test_heads_are_named_once() -> None:
    with pytest.raises(ValueError, match="each once"):
        HeadsConfig(heads=(HEADS[0], HEADS[0]))
