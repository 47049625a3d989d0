"""Recipes are read from manifests, told apart, and limit what is learned from."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from core.artifacts import Manifest
from core.errors import ArtifactError
from pipelines.comparing.recipes import Recipe, differences, limited, recipe_of
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from pipelines.ranker_training.training_set import TrainingSet
from ranking.assembly import FeedConfig
from ranking.rankers.training import RankingData


def manifest(features: tuple[str, ...] = ("x", "y"), **config: object) -> Manifest:
    told = RankerTrainingConfig().model_dump(mode="json")
    told |= {"feed": FeedConfig().model_dump(mode="json")} | config
    return Manifest(
        kind="ranker", version="v1", created_at=1, code_revision="c", config=told, inputs={},
        metrics={}, feature_names=features, files={},
    )  # fmt: skip


def test_a_recipe_is_its_settings_and_columns_whatever_the_order() -> None:
    assert recipe_of(manifest()).key == recipe_of(manifest(("y", "x"))).key
    assert recipe_of(manifest()).key != recipe_of(manifest(("x",))).key
    assert recipe_of(manifest()).key != recipe_of(manifest(requests=99)).key
    old = {"objective": "lambdarank"}  # before the other settings there were
    assert recipe_of(manifest().model_copy(update={"config": old})).key == recipe_of(manifest()).key
    found = list(differences(recipe_of(manifest()), recipe_of(manifest(("x", "z"), requests=99))))
    assert found == [("training.requests", 6000, 99), ("features", ["y"], ["z"])]


def test_threads_make_no_other_recipe_and_beside_a_fusion_training_is_one_difference() -> None:
    trees = RankerTrainingConfig().trees.model_dump(mode="json") | {"threads": 1}
    assert recipe_of(manifest(trees=trees)).key == recipe_of(manifest()).key
    fusion = Recipe(None, FeedConfig())
    assert list(differences(recipe_of(manifest()), fusion)) == [("training", "lambdarank", None)]
    assert list(differences(fusion, fusion)) == []


def test_settings_nobody_knows_are_named() -> None:
    with pytest.raises(ArtifactError, match=r"ranker v1 .*magic"):
        recipe_of(manifest(magic=True))


def test_only_the_columns_of_the_recipe_are_learned_from() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    rows = RankingData(("x", "y", "z"), values, np.zeros(2, np.int32), np.array([2]))
    data = TrainingSet("lambdarank", rows, pl.DataFrame())
    found = limited(data, ("z", "x", "gone"))
    assert found.data.names == ("x", "z")
    assert found.data.values.tolist() == [[0, 2], [3, 5]]
    assert limited(data, ()) is data
