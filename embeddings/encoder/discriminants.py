"""Discriminants: the directions in which tracks differ most, against how each differs in itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Wide = NDArray[np.float64]
# Of what a codec does beside what a track does within itself. At 0.1 the cosine of a crop with its
# lossy copy rises from .39 to .86 in the worst twentieth, and retrieval of albums, which may tell
# them by their codecs, falls by .002; at 0.5 to .89, by .003.
CHANGE_WEIGHT = 0.1
SQUASH = 2.0  # standard deviations beyond which a description counts for hardly more


@dataclass(frozen=True, slots=True, eq=False)
class Discriminants:
    """From k descriptions to `dim` directions, fitted by `fit_discriminants`.

    Attributes:
        mean: (k,) of the descriptions.
        scale: (k,) their standard deviations.
        centre: (k,) mean of the squashed descriptions.
        directions: (k, dim), strongest first.
    """

    mean: Wide
    scale: Wide
    centre: Wide
    directions: Wide


def fit_discriminants(
    features: Wide, dim: int, shrinkage: float, changed: tuple[Wide, Wide] | None = None
) -> Discriminants:
    """Find the directions that tell tracks apart, each track being its own class.

    Args:
        features: (n_tracks, n_crops, k).
        dim: Directions wanted, at most k.
        shrinkage: Ridge of the within-track scatter in units of its mean variance.
        changed: (m, k) of some crops, and (m, k) of the same crops after a change that must not
            tell tracks apart; what it does joins the within-track scatter.

    Source:
        Fisher's discriminant; the ridge after Friedman, "Regularized Discriminant Analysis", 1989.
    """
    k = features.shape[-1]
    flat = features.reshape(-1, k)
    mean, scale = flat.mean(axis=0), flat.std(axis=0) + 1e-6

    def squash(values: Wide) -> Wide:
        return np.asarray(SQUASH * np.tanh((values - mean) / (scale * SQUASH)))

    squashed = squash(features)
    middle = squashed.mean(axis=1)
    centre = middle.mean(axis=0)
    spread = (squashed - middle[:, None]).reshape(-1, k)
    within = spread.T @ spread / len(spread)
    if changed is not None and len(changed[0]):
        moved = squash(changed[1]) - squash(changed[0])
        within += CHANGE_WEIGHT * moved.T @ moved / len(moved)
    between = (middle - centre).T @ (middle - centre) / len(middle)
    # The constant keeps the system definite when all crops of every track are equal.
    ridge = shrinkage * np.trace(within) / k + 1e-6
    _, directions = linalg.eigh(
        between, within + ridge * np.eye(k), subset_by_index=(k - dim, k - 1)
    )
    directions = directions[:, ::-1]
    # An eigenvector's sign is arbitrary; fixing it makes the result the same everywhere.
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(dim)]
    return Discriminants(mean, scale, centre, directions * np.sign(largest))
