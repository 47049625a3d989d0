"""A training's state on disk after each epoch, so that a killed one goes on where it was."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.crops import TrackCrops
from embeddings.encoder.objectives import Supervision

State = dict[str, Any]


class Checkpoint:
    """One file that holds the newest state of one training; a state of another is not taken up.

    Args:
        path: The file; None keeps nothing.
        identity: What the training is given, see `training_identity`.
    """

    def __init__(self, path: Path | None, identity: str) -> None:
        self._path = path
        self._identity = identity

    def load(self) -> State | None:
        """Return the newest state; None where there is none, or one that cannot be gone on with."""
        if self._path is None or not self._path.is_file():
            return None
        try:
            held = torch.load(self._path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
            return None  # a broken file costs the epochs it held, no more
        if not isinstance(held, dict) or held.get("identity") != self._identity:
            return None
        state: State = held["state"]
        return state

    def save(self, state: State) -> None:
        """Write the state; the file is always whole, the one before or this one."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            torch.save({"identity": self._identity, "state": state}, partial)
            partial.replace(self._path)
        finally:
            partial.unlink(missing_ok=True)


def training_identity(
    crops: TrackCrops, config: EncoderConfig, supervision: Supervision, seed: int
) -> str:
    """Return a digest of all that decides a training's result on one machine."""
    digest = hashlib.sha256(config.model_dump_json().encode())
    digest.update(f"{seed} {torch.__version__} {crops.track_ids}".encode())
    for known in (crops.values, crops.lossy, supervision.tags, supervision.factors):
        digest.update(np.ascontiguousarray(known).view(np.uint8).data)
    return digest.hexdigest()
