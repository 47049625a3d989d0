"""Trees as one node of ONNX, so that ONNX Runtime walks them; exact for float32 features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ranking.rankers.forest import Tree

INPUT_NAME = "features"
OUTPUT_NAME = "scores"
_ML_OPSET = 3  # TreeEnsembleRegressor; ONNX Runtime reads it as it reads its successor
_OPSET = 17
_IR = 9
_LEAF, _SPLIT = "LEAF", "BRANCH_LEQ"
_ZERO_BAND = np.float32(1e-35)  # kZeroThreshold: LightGBM, include/LightGBM/meta.h
_INFINITY = np.float32(np.inf)


def forest_model(forests: Sequence[Sequence[Tree]], n_features: int) -> onnx.ModelProto:
    """Return a model of (n, n_features) float32 → (n, len(forests)) float32 raw scores.

    Each forest is a node of its own: ONNX Runtime adds up a single target faster than several.

    Args:
        forests: At least one; a column of the result is the sum of its trees' leaves.
        n_features: Columns of the input.

    Source:
        https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html
    """
    columns = [f"{OUTPUT_NAME}_{at}" for at in range(len(forests))]
    nodes = [_node(forest, name) for forest, name in zip(forests, columns, strict=True)]
    nodes.append(helper.make_node("Concat", columns, [OUTPUT_NAME], axis=1))
    shape_in: list[str | int | None] = ["n", n_features]
    shape_out: list[str | int | None] = ["n", len(forests)]
    graph = helper.make_graph(
        nodes,
        "forest",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, shape_in)],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, shape_out)],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_IR, producer_name="segue")


def rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return float32 thresholds that decide every float32 value as LightGBM decides it.

    LightGBM compares in float64. For a float32 value x, x <= t holds exactly where x <= the
    greatest float32 that is not above t; the nearest float32 would turn x over where t was
    rounded up past it. And LightGBM reads values of at most 1e-35 as zero before it compares, so
    a threshold inside that band moves to the edge that decides the whole band as it decides zero.
    """
    with np.errstate(over="ignore"):  # beyond float32 the greatest finite value decides alike
        near = thresholds.astype(np.float32)
        above = near.astype(np.float64) > thresholds
        down = np.where(above, np.nextafter(near, -_INFINITY), near)
    inside = np.abs(thresholds) <= float(_ZERO_BAND)
    edge = np.where(thresholds < 0, np.nextafter(-_ZERO_BAND, -_INFINITY), _ZERO_BAND)
    return np.where(inside, edge, down).astype(np.float32)


def _node(forest: Sequence[Tree], output: str) -> onnx.NodeProto:
    return helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT_NAME],
        [output],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        **_attributes(forest),
    )


def _attributes(forest: Sequence[Tree]) -> dict[str, Any]:
    """Return the node's parallel lists: the splits of a tree first, then its leaves."""
    lists: dict[str, list[Any]] = {name: [] for name in _LISTS}
    for number, tree in enumerate(forest):
        n_splits, n_leaves = tree.features.size, tree.leaves.size
        n_nodes = n_splits + n_leaves
        padding = [0] * n_leaves
        lists["nodes_treeids"] += [number] * n_nodes
        lists["nodes_nodeids"] += range(n_nodes)
        lists["nodes_modes"] += [_SPLIT] * n_splits + [_LEAF] * n_leaves
        lists["nodes_featureids"] += [*tree.features.tolist(), *padding]
        lists["nodes_values"] += [*rounded_down(tree.thresholds).tolist(), *map(float, padding)]
        lists["nodes_truenodeids"] += [*_node_ids(tree.left, n_splits), *padding]
        lists["nodes_falsenodeids"] += [*_node_ids(tree.right, n_splits), *padding]
        lists["nodes_missing_value_tracks_true"] += [*tree.nan_left.astype(int).tolist(), *padding]
        lists["target_treeids"] += [number] * n_leaves
        lists["target_nodeids"] += range(n_splits, n_nodes)
        lists["target_ids"] += [0] * n_leaves
        lists["target_weights"] += tree.leaves.astype(np.float32).tolist()
    return lists


_LISTS = (
    "nodes_treeids", "nodes_nodeids", "nodes_modes", "nodes_featureids", "nodes_values",
    "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true",
    "target_treeids", "target_nodeids", "target_ids", "target_weights",
)  # fmt: skip


def _node_ids(children: NDArray[np.int64], n_splits: int) -> list[int]:
    leaves = n_splits + ~children
    return [int(child) for child in np.where(children >= 0, children, leaves)]
