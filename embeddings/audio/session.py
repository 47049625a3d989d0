"""A network in ONNX Runtime: one model file, opened quietly, its faults told in our words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as faults

from core.errors import ArtifactError

# ONNX Runtime's own errors share no base class but Exception.
_FAULTS = (
    faults.EPFail,
    faults.EngineError,
    faults.Fail,
    faults.InvalidArgument,
    faults.InvalidGraph,
    faults.InvalidProtobuf,
    faults.NoModel,
    faults.NoSuchFile,
    faults.NotImplemented,
    faults.RuntimeException,
)
_ERRORS_ONLY = 3  # a model that is converted well enough still draws pages of warnings


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a network.

    Attributes:
        name: Its name in the graph.
        shape: Length of each axis; None where it may vary.
        kind: Element type as ONNX Runtime writes it, for instance "tensor(float)".
    """

    name: str
    shape: tuple[int | None, ...]
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network that can be run; threads may run it at once.

    Attributes:
        path: The file it came from.
        inputs: What it wants.
        outputs: What it gives.
        session: ONNX Runtime's own object.
    """

    path: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    session: Any

    def run(self, output: str, feed: dict[str, NDArray[Any]]) -> NDArray[Any]:
        """Compute one output.

        Raises:
            ArtifactError: If the network fails on what it was fed.
        """
        try:
            (value,) = self.session.run([output], feed)
        except _FAULTS as error:
            raise ArtifactError(f"{self.path} cannot be run ({_first_line(error)})") from error
        return np.asarray(value)


def open_network(path: Path, threads: int = 1) -> Network:
    """Open a model file.

    Args:
        path: A whole ONNX model, its weights inside or beside it.
        threads: Threads of one run; 1 leaves the cores to recordings side by side.

    Raises:
        ArtifactError: If the file is missing, broken or no ONNX model.
    """
    if not path.is_file():
        raise ArtifactError(f"there is no ONNX model at {path}; export one, or name another file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Waiting threads sleep instead of burning the core that decodes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _FAULTS as error:
        reason = f"{path} is no ONNX model that can be opened ({_first_line(error)})"
        raise ArtifactError(f"{reason}; export it again") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    return Network(path, _ports(inputs), _ports(outputs), session)


def _ports(nodes: list[Any]) -> tuple[Port, ...]:
    return tuple(Port(node.name, _shape(node.shape), node.type) for node in nodes)


def _shape(shape: list[Any]) -> tuple[int | None, ...]:
    return tuple(length if isinstance(length, int) and length > 0 else None for length in shape)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].strip() if lines else type(error).__name__
