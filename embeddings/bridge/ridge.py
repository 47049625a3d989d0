"""The linear map: weighted ridge regression in closed form, its strength chosen on folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.bridge.examples import Examples, Wide

STRENGTHS = tuple(float(s) for s in np.logspace(-2, 3, 16))
"""In tracks: at 10 a direction in which the vectors differ like ten tracks do is halved."""


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """An affine map: `vectors @ weights + bias`, (dim, k) and (k,)."""

    weights: Wide
    bias: Wide

    def predict(self, vectors: Wide) -> Wide:
        """Return (n, k)."""
        return np.asarray(vectors @ self.weights + self.bias)


def fit_ridge(examples: Examples, strength: float) -> Linear:
    """Fit one strength; see `fit_ridges`."""
    return fit_ridges(examples, (strength,))[0]


def fit_ridges(examples: Examples, strengths: tuple[float, ...]) -> list[Linear]:
    """Fit weighted ridge regressions, one a strength; the mean is not shrunk.

    Only the moments of the vectors are decomposed, so that the cost is that of one pass over the
    tracks, however many there are.

    Source:
        Hoerl and Kennard, "Ridge Regression", 1970; several strengths from one decomposition as in
        Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 3.4.1.
    """
    weights = examples.weights / examples.weights.sum()
    middle, level = weights @ examples.vectors, weights @ examples.factors
    centred = examples.vectors - middle
    weighted = centred * examples.weights[:, None]
    spread, directions = np.linalg.eigh(weighted.T @ centred)
    moved = directions.T @ (weighted.T @ (examples.factors - level))
    fits = []
    for strength in strengths:
        slope = directions @ (moved / (np.maximum(spread, 0.0) + strength)[:, None])
        fits.append(Linear(slope, level - middle @ slope))
    return fits


def held_out_ridges(examples: Examples, strengths: tuple[float, ...]) -> Wide:
    """Return (len(strengths), n, k) predictions of each track by maps that never saw it."""
    found = np.empty((len(strengths), *examples.factors.shape))
    for fold in np.unique(examples.folds):
        held = examples.folds == fold
        fits = fit_ridges(examples.take(~held), strengths)
        for at, fit in enumerate(fits):
            found[at, held] = fit.predict(examples.vectors[held])
    return found
