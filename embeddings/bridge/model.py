"""The bridge: a fitted map from audio vectors to factors, and how far plays have replaced it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ArtifactError, DataError
from core.ids import Ids
from embeddings.collaborative.factors import AlsFactors
from embeddings.storage import load_array, save_array
from embeddings.vectors import TrackVectors

Floats = NDArray[np.float32]
_ARRAYS = ("weights", "bias", "hidden", "hidden_bias", "out", "level", "lift")
_NUMBERS = ("stretch", "lift_listeners", "half_listeners", "steepness")


@dataclass(frozen=True, slots=True, eq=False)
class Bridge:
    """A linear map, and where it won on held-out tracks a small network added to it.

    Attributes:
        weights: (dim, k) of the linear map.
        bias: (k,).
        hidden: (dim, h) of the network; h is 0 where the linear map is all.
        hidden_bias: (h,).
        out: (h, k).
        level: (k,) the factor of the average track.
        lift: (k,) optimism: what is added for a track that nobody met.
        stretch: Optimism: by how much such a track is moved away from the average one, ≥ 1.
        lift_listeners: Listeners at which half of either has gone.
        half_listeners: Listeners at which sound and plays count the same; see `learned_share`.
        steepness: How abruptly one gives way to the other.
        figures: What was measured while fitting, by name.
    """

    weights: Floats
    bias: Floats
    hidden: Floats
    hidden_bias: Floats
    out: Floats
    level: Floats
    lift: Floats
    stretch: float
    lift_listeners: float
    half_listeners: float
    steepness: float
    figures: Mapping[str, float]

    def __post_init__(self) -> None:
        dim, k, h = *self.weights.shape, self.hidden.shape[1]
        found = tuple(getattr(self, name).shape for name in _ARRAYS[1:])
        if found != ((k,), (dim, h), (h,), (h, k), (k,), (k,)):
            raise DataError(f"the parts of a bridge {(dim, k)} have shapes {found}; fit it again")
        if not all(np.isfinite(getattr(self, name)).all() for name in _ARRAYS):
            raise DataError("a bridge holds values that are not finite; fit it with a larger ridge")
        for name in _NUMBERS:
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise DataError(f"{name} is {getattr(self, name)}; it must be finite and above 0")

    @property
    def dim(self) -> int:
        """Return the length of the vectors it reads."""
        return int(self.weights.shape[0])

    def predict(self, vectors: Floats) -> Floats:
        """Return the factors of tracks that nobody met; see `expect`."""
        return self.expect(vectors, np.zeros(len(vectors), dtype=np.float32))

    def expect(self, vectors: Floats, listeners: NDArray[Any]) -> Floats:
        """Return the factors that tracks would have by their sound.

        Args:
            vectors: (n, dim) unit rows; zero rows where a track has no audio.
            listeners: (n,) who met each track; optimism fades with them.

        Returns:
            (n, k) float32, zero rows where the vector is zero.

        Raises:
            DataError: If the vectors are of another encoder's length.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise DataError(
                f"vectors {vectors.shape} do not fit a bridge from {self.dim} dimensions; "
                "train the factors again after the encoder"
            )
        guess = vectors @ self.weights + self.bias
        guess = guess + np.maximum(vectors @ self.hidden + self.hidden_bias, 0.0) @ self.out
        hope = (self.stretch - 1.0) * (guess - self.level) + self.lift
        left = self.lift_listeners / (self.lift_listeners + np.asarray(listeners, dtype=np.float64))
        heard = np.any(vectors != 0, axis=1, keepdims=True)
        return np.where(heard, guess + left[:, None] * hope, 0.0).astype(np.float32)

    @property
    def speaks(self) -> bool:
        """Return whether anything was learned; one that does not leaves factors as they are."""
        return bool(np.any(self.weights) or np.any(self.bias))

    def learned_share(self, listeners: NDArray[Any]) -> NDArray[np.float64]:
        """Return how far plays have replaced the sound: nᵃ / (nᵃ + hᵃ).

        Args:
            listeners: (n,) who met each track, ≥ 0.

        Returns:
            (n,) in [0, 1): exactly 0 without listeners, towards 1 with many; 1/2 at
            `half_listeners`.
        """
        return learned_share(listeners, self.half_listeners, self.steepness)

    def save(self, folder: Path) -> None:
        """Write the arrays and `bridge.json` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            save_array(folder / f"{name}.npy", getattr(self, name))
        settings = {name: getattr(self, name) for name in _NUMBERS}
        settings["figures"] = dict(self.figures)
        (folder / "bridge.json").write_text(json.dumps(settings), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Bridge:
        """Read a bridge back.

        Raises:
            ArtifactError: If a file is missing or broken.
        """
        path = folder / "bridge.json"
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
            numbers = {name: float(settings[name]) for name in _NUMBERS}
            figures = {str(name): float(value) for name, value in settings["figures"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(f"{path} cannot be read ({error}); train factors again") from error
        part = {name: load_array(folder / f"{name}.npy") for name in _ARRAYS}
        return cls(
            weights=part["weights"],
            bias=part["bias"],
            hidden=part["hidden"],
            hidden_bias=part["hidden_bias"],
            out=part["out"],
            level=part["level"],
            lift=part["lift"],
            stretch=numbers["stretch"],
            lift_listeners=numbers["lift_listeners"],
            half_listeners=numbers["half_listeners"],
            steepness=numbers["steepness"],
            figures=figures,
        )


def learned_share(
    listeners: NDArray[Any], half_listeners: float, steepness: float
) -> NDArray[np.float64]:
    """Return nᵃ / (nᵃ + hᵃ); see `Bridge.learned_share`."""
    n = np.asarray(listeners, dtype=np.float64)
    return np.asarray(1.0 - 1.0 / (1.0 + (n / half_listeners) ** steepness))


def no_bridge(dim: int, k: int) -> Bridge:
    """Return the bridge of a history that teaches none: it predicts zeros."""
    return Bridge(
        weights=np.zeros((dim, k), dtype=np.float32),
        bias=np.zeros(k, dtype=np.float32),
        hidden=np.zeros((dim, 0), dtype=np.float32),
        hidden_bias=np.zeros(0, dtype=np.float32),
        out=np.zeros((0, k), dtype=np.float32),
        level=np.zeros(k, dtype=np.float32),
        lift=np.zeros(k, dtype=np.float32),
        stretch=1.0,
        lift_listeners=1.0,
        half_listeners=1.0,
        steepness=1.0,
        figures={},
    )


def extended(factors: AlsFactors, bridge: Bridge, fresh: TrackVectors) -> AlsFactors:
    """Append tracks that came after the training, with the factors of their sound.

    Args:
        factors: What is live.
        bridge: Made in the same training.
        fresh: Vectors of the same encoder; tracks that `factors` knows already are passed over.
    """
    new = np.flatnonzero(Ids(factors.track_ids).rows(fresh.track_ids) < 0)
    if not new.size:
        return factors
    return replace(
        factors,
        track_ids=(*factors.track_ids, *(fresh.track_ids[row] for row in new)),
        tracks=np.concatenate([factors.tracks, bridge.predict(fresh.values[new])]),
    )
