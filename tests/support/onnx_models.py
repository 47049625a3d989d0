"""Small ONNX models made on the spot, in the place of encoders of hundreds of megabytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
Shape = Sequence[int | str]


def save_model(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, Shape],
    outputs: dict[str, Shape],
    weights: dict[str, np.ndarray] | None = None,
    kind: int = TensorProto.FLOAT,
) -> Path:
    """Write a graph as a model file."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def waveform_model(path: Path, batch: int | str = "batch", samples: int | str = "samples") -> Path:
    """From (b, samples) to (b, 2): the mean of the sound and the mean of its square."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["x", "x"], ["square"]),
        helper.make_node("ReduceMean", ["square"], ["power"], axes=[1], keepdims=1),
        helper.make_node("Concat", ["mean", "power"], ["vectors"], axis=1),
    ]
    return save_model(path, nodes, {"x": (batch, samples)}, {"vectors": (batch, 2)})


def identity_model(path: Path, shape: Shape) -> Path:
    """From a spectrogram to itself: the output is what was fed."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return save_model(path, nodes, {"x": shape}, {"y": shape})


def mean_model(path: Path, shape: Shape, axes: Sequence[int], out: Shape) -> Path:
    """From anything to its mean over some axes."""
    nodes = [helper.make_node("ReduceMean", ["x"], ["y"], axes=list(axes), keepdims=0)]
    return save_model(path, nodes, {"x": shape}, {"y": out})
