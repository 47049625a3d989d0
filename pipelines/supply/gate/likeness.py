"""Likeness: how near a track comes to what its brief asks for, against tracks at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.vectors import TrackVectors, unit_rows


@dataclass(frozen=True, slots=True)
class Likeness:
    """A track against a reference.

    Attributes:
        cosine: Of its vector and the reference.
        nearer_than: Share of the catalogue that lies farther from the reference, in [0, 1].
    """

    cosine: float
    nearer_than: float


def reference_vector(
    reference: NDArray[np.float32], references: tuple[str, ...], known: TrackVectors
) -> NDArray[np.float32] | None:
    """Return the unit vector that a brief aims at.

    Vectors of another encoder cannot be compared. Where an encoder was trained since the brief was
    written, the tracks that it names stand for its vector: their mean.

    Args:
        reference: (dim,) as the brief keeps it; empty where it has none.
        references: The tracks it names.
        known: The vectors of the catalogue.

    Returns:
        (known.dim,), or None where neither can be had.
    """
    if reference.shape == (known.dim,) and np.linalg.norm(reference) > 0:
        return np.asarray(unit_rows(reference[None])[0])
    mean = known.aligned(references).sum(axis=0) if references else np.zeros(known.dim)
    return np.asarray(unit_rows(mean[None])[0]) if mean.any() else None


def likeness(
    vector: NDArray[np.float32], reference: NDArray[np.float32], others: NDArray[np.float32]
) -> Likeness:
    """Compare a track with a reference, and the catalogue with the same.

    Args:
        vector: (dim,) unit.
        reference: (dim,) unit.
        others: (n, dim) unit, drawn from the catalogue at random.
    """
    cosine = float(vector @ reference)
    return Likeness(cosine, float(np.mean(others @ reference < cosine)))
