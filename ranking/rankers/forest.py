"""LightGBM's trees as flat arrays, read from its own text format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import lightgbm

IS_CATEGORICAL = 1  # bits of `decision_type`: LightGBM, include/LightGBM/tree.h
DEFAULT_LEFT = 2
MISSING_SHIFT = 2
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2


class UnsupportedForestError(ValueError):
    """The trees use something that flat numerical splits cannot say."""


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """One tree; children ≥ 0 are nodes, negative ones are leaves: ~child.

    Args:
        features: (k,) column of each node.
        thresholds: (k,) float64; at or below goes left.
        nan_left: (k,) bool, whether a missing value goes left.
        left: (k,) child.
        right: (k,) child.
        leaves: (k + 1,) float64 values.
    """

    features: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    nan_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    leaves: NDArray[np.float64]


def read_forest(booster: lightgbm.Booster) -> tuple[Tree, ...]:
    """Return the trees whose sum is the booster's raw score.

    Args:
        booster: One raw score a row.

    Raises:
        UnsupportedForestError: If a split is categorical, takes zeros for missing, or a leaf is a
            linear model; if there are several scores a row, or scores are averaged.
    """
    header, *blocks = booster.model_to_string(num_iteration=-1).split("\nTree=")
    _check_header(_fields(header), header)
    return tuple(_tree(_fields(block.split("\nend of trees")[0])) for block in blocks)


def _check_header(fields: Mapping[str, str], text: str) -> None:
    if fields.get("num_tree_per_iteration", "1") != "1":
        raise UnsupportedForestError(f"{fields['num_tree_per_iteration']} scores a row")
    if "\naverage_output" in text:
        raise UnsupportedForestError("scores are averaged over trees")


def _tree(fields: Mapping[str, str]) -> Tree:
    if fields.get("is_linear", "0") != "0":
        raise UnsupportedForestError("a leaf is a linear model")
    leaves = _numbers(fields["leaf_value"])
    if "split_feature" not in fields:  # a tree of one leaf
        none = np.empty(0, dtype=np.int64)
        return Tree(none, np.empty(0), np.empty(0, dtype=np.bool_), none, none, leaves)
    decisions = _whole(fields["decision_type"])
    missing = decisions >> MISSING_SHIFT
    if np.any(decisions & IS_CATEGORICAL):
        raise UnsupportedForestError("a split is categorical")
    if np.any(missing == MISSING_ZERO):
        raise UnsupportedForestError("zero stands for missing")
    thresholds = _numbers(fields["threshold"])
    # A feature that was never missing in training reads a missing value as zero.
    nan_left = np.where(missing == MISSING_NAN, (decisions & DEFAULT_LEFT) > 0, thresholds >= 0.0)
    return Tree(
        features=_whole(fields["split_feature"]),
        thresholds=thresholds,
        nan_left=nan_left.astype(np.bool_),
        left=_whole(fields["left_child"]),
        right=_whole(fields["right_child"]),
        leaves=leaves,
    )


def _fields(block: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in block.splitlines())
    return {name: value for name, equals, value in pairs if equals}


def _numbers(text: str) -> NDArray[np.float64]:
    return np.array(text.split(), dtype=np.float64)


def _whole(text: str) -> NDArray[np.int64]:
    return np.array(text.split(), dtype=np.int64)
