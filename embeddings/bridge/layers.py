"""The layers of a small network, without what trains them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.bridge.examples import Wide


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """One hidden layer: (dim, h), (h,) and (h, k)."""

    hidden: Wide
    hidden_bias: Wide
    out: Wide

    def predict(self, vectors: Wide) -> Wide:
        """Return (n, k)."""
        return np.asarray(np.maximum(vectors @ self.hidden + self.hidden_bias, 0.0) @ self.out)


def no_layers(dim: int, k: int) -> Layers:
    """Return a network that adds nothing."""
    return Layers(np.zeros((dim, 0)), np.zeros(0), np.zeros((0, k)))
