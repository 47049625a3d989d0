"""Kept comparisons answer for the same recipes, either way round, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipelines.comparing.archive import FOLDER, keep, recall
from pipelines.comparing.recipes import Recipe
from pipelines.comparing.report import Duel
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from ranking.assembly import FeedConfig
from ranking.evaluation.pairs import paired_figures, tally_of
from ranking.evaluation.tables import judge

RECIPES = {
    "a": Recipe(RankerTrainingConfig(), FeedConfig(), ("x", "y")),
    "b": Recipe(None, FeedConfig()),
}


def duel(splits: int) -> Duel:
    relevant = {f"u{at}": np.array([at]) for at in range(20)}
    bits = np.ones(30)
    good = judge(relevant, relevant, bits)
    late = judge({u: np.array([29, at[0]]) for u, at in relevant.items()}, relevant, bits)
    a, b = [good] * splits, [late] * splits
    figures = paired_figures(a, b, np.random.default_rng(1))
    return Duel(listeners=20, splits=splits, tally=tally_of(a, b), figures=figures, segments=())


def test_a_kept_comparison_is_read_back_either_way_round(tmp_path: Path) -> None:
    made = duel(splits=2)
    # One rank lower: 1 / log2(3) instead of 1, for every listener alike.
    assert abs(made.decisive.mean - (1 - 1 / np.log2(3))) < 1e-12
    assert (made.tally.better, made.tally.worse, made.tally.equal) == (20, 0, 0)
    keep(tmp_path, "k", RECIPES, made)
    assert recall(tmp_path, "k", RECIPES, 2) == made
    turned = recall(tmp_path, "k", {"a": RECIPES["b"], "b": RECIPES["a"]}, 1)
    assert turned is not None
    assert turned.decisive == -made.decisive
    assert turned.tally.worse == 20
    assert turned.flipped() == made


def test_too_few_splits_another_key_and_a_broken_file_answer_nothing(tmp_path: Path) -> None:
    keep(tmp_path, "k", RECIPES, duel(splits=1))
    assert recall(tmp_path, "k", RECIPES, 2) is None
    assert recall(tmp_path, "other", RECIPES, 1) is None
    (tmp_path / FOLDER / "k.json").write_text("{")
    assert recall(tmp_path, "k", RECIPES, 1) is None
