"""Examples: tracks with both audio and plays, what each counts, and in which metric errors do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What the bridge is learned from.

    Attributes:
        vectors: (n, dim) unit rows.
        factors: (n, k) learned from plays.
        weights: (n,) positive, mean 1.
        metric: (k, k) whose product with an error gives its length as listeners see it.
        folds: (n,) fold of each track.
    """

    vectors: Wide
    factors: Wide
    weights: Wide
    metric: Wide
    folds: Rows

    def __len__(self) -> int:
        return len(self.vectors)

    def take(self, rows: NDArray[np.bool_] | Rows) -> Examples:
        """Return some of the tracks."""
        weights = self.weights[rows]
        return Examples(
            self.vectors[rows],
            self.factors[rows],
            weights / weights.mean(),
            self.metric,
            self.folds[rows],
        )

    def errors(self, predicted: Wide) -> Wide:
        """Return (n,) weighted squared errors of (n, k) predictions, summed over listeners."""
        missed = (predicted - self.factors) @ self.metric
        return np.asarray(self.weights * np.einsum("ij,ij->i", missed, missed))


def examples_of(
    vectors: NDArray[np.float32],
    factors: NDArray[np.float32],
    users: NDArray[np.float32],
    weights: NDArray[np.floating],
    folds: int,
    rng: np.random.Generator,
) -> Examples:
    """Gather examples.

    A score is `users @ factor`, so an error e of a factor moves the scores of all listeners by
    `users @ e`, whose squared length is e (usersᵀ users) e: that is the metric.

    Args:
        vectors: (n, dim) unit rows.
        factors: (n, k) of the same tracks.
        users: (n_users, k) factors of listeners.
        weights: (n,) positive.
        folds: How many.
        rng: Deals the tracks to folds.
    """
    wide = users.astype(np.float64)
    values, directions = np.linalg.eigh(wide.T @ wide / max(len(wide), 1))
    dealt = np.empty(len(vectors), dtype=np.int64)
    dealt[rng.permutation(len(vectors))] = np.arange(len(vectors)) % folds
    return Examples(
        vectors=vectors.astype(np.float64),
        factors=factors.astype(np.float64),
        weights=np.asarray(weights, dtype=np.float64) / float(np.mean(weights)),
        metric=directions * np.sqrt(np.maximum(values, 0.0)),
        folds=dealt,
    )
