"""What a slot would earn, learned from what slots did earn: the model of the direct estimators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.randomness import derive_seed
from pipelines.off_policy.configuration import OffPolicyConfig
from ranking.model import FeatureMatrix, Floats, Mask, Rows

MIN_ROWS = 200  # fewer slots, or fewer than a handful of rewards, teach no more than their mean
MIN_REWARDS = 5
LEARNING_RATE = 0.05
LEAVES = 15
LEAF_ROWS = 40

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RewardModel:
    """Expected rewards; a listener's slots are judged by what other listeners did.

    Args:
        names: The features it reads, before position and freshness.
        parts: One model a fold, learned from all other folds: trees, or their mean reward.
        seed: Decides who is in which fold.
    """

    names: tuple[str, ...]
    parts: tuple[lightgbm.Booster | float, ...]
    seed: int

    def expected(
        self, user_id: str, features: FeatureMatrix, positions: Rows, is_fresh: Mask
    ) -> Values:
        """Return (n,) what tracks would earn in slots.

        Args:
            user_id: Whose page.
            features: (n, f) of the tracks.
            positions: (n,) the slots.
            is_fresh: (n,) whether each would be a fresh one.
        """
        part = self.parts[fold_of(user_id, len(self.parts), self.seed)]
        if isinstance(part, float):
            return np.full(positions.size, part)
        inputs = _inputs(_columns(features, self.names), positions, is_fresh)
        return np.asarray(part.predict(inputs, num_threads=1), dtype=np.float64)


def fit_reward_model(
    shown: Iterable[tuple[pl.DataFrame, FeatureMatrix]], config: OffPolicyConfig
) -> RewardModel:
    """Learn from shown slots.

    Args:
        shown: Slots (user_id, position, is_fresh, reward) and their features, those of equal
            columns together; the first columns are the model's.
        config: Folds, trees and seed.
    """
    blocks = list(shown)
    names = blocks[0][1].names if blocks else ()
    slots = pl.concat([frame.select(_SLOT) for frame, _ in blocks]) if blocks else _NO_SLOTS
    values = np.concatenate(
        [np.empty((0, len(names)), np.float32), *(_columns(part, names) for _, part in blocks)]
    )
    inputs = _inputs(values, slots["position"].to_numpy(), slots["is_fresh"].to_numpy())
    rewards = slots["reward"].to_numpy()
    folds = np.array([fold_of(user, config.folds, config.seed) for user in slots["user_id"]])
    parts = [
        _fit(inputs[folds != fold], rewards[folds != fold], config) for fold in range(config.folds)
    ]
    return RewardModel(names, tuple(parts), config.seed)


def fold_of(user_id: str, folds: int, seed: int) -> int:
    """Return the fold a listener belongs to."""
    return derive_seed(seed, "reward fold", user_id) % folds


_SLOT = ("user_id", "position", "is_fresh", "reward")
_NO_SLOTS = pl.DataFrame(
    schema={
        "user_id": pl.String, "position": pl.Int32, "is_fresh": pl.Boolean, "reward": pl.Float64
    }
)  # fmt: skip


def _fit(inputs: Floats, rewards: Values, config: OffPolicyConfig) -> lightgbm.Booster | float:
    rare = min(rewards.sum(), (1 - rewards).sum())
    if rewards.size < MIN_ROWS or rare < MIN_REWARDS:
        return float(rewards.mean()) if rewards.size else 0.0
    parameters = {
        "objective": "binary",
        "learning_rate": LEARNING_RATE,
        "num_leaves": LEAVES,
        "min_data_in_leaf": LEAF_ROWS,
        "max_bin": 63,
        "num_threads": 1,
        "seed": config.seed % (2**31),
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    return lightgbm.train(parameters, lightgbm.Dataset(inputs, rewards), config.trees)


def _inputs(values: Floats, positions: Rows, is_fresh: Mask) -> Floats:
    return np.column_stack([values, positions, is_fresh]).astype(np.float32)


def _columns(features: FeatureMatrix, names: Sequence[str]) -> Floats:
    """Return the named columns; NaN where one was not logged."""
    if features.names == tuple(names):
        return features.values
    found = np.full((len(features.values), len(names)), np.nan, dtype=np.float32)
    for column, name in enumerate(names):
        if name in features.names:
            found[:, column] = features.values[:, features.names.index(name)]
    return found
