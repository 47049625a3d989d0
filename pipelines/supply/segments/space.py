"""The taste space: where tracks lie by their sound, their tags and who listens to them."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse.linalg import svds

from embeddings.vectors import unit_rows
from ranking.catalogue import Catalogue
from ranking.model import Floats

WORD_DIM = 128  # directions kept of tags where there are more different ones
START = 0.5  # every component of the vector the decomposition starts from, for equal results


class SpaceConfig(BaseModel):
    """What says that two tracks are alike; a block that a track lacks says nothing of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sound: float = Field(default=1.0, ge=0, le=100)
    """Weight of audio vectors in the inner product of two tracks."""
    tags: float = Field(default=1.0, ge=0, le=100)
    """Weight of tags."""
    listening: float = Field(default=0.5, ge=0, le=100)
    """Weight of ALS factors."""


def taste_space(
    catalogue: Catalogue, vectors: Floats, factors: Floats, config: SpaceConfig
) -> Floats:
    """Return where each track lies, so that an inner product says how alike two are.

    Args:
        catalogue: The tracks and their tags.
        vectors: (n, dim) unit audio vectors; zero rows where a track has none.
        factors: (n, f) ALS factors; zero rows where nobody played a track.
        config: The weights.

    Returns:
        (n, d) float32 unit rows; zeros where nothing at all is known of a track.
    """
    blocks = (
        (config.sound, unit_rows(vectors)),
        (config.tags, words(catalogue.tags)),
        (config.listening, unit_rows(factors)),
    )
    parts = [np.float32(np.sqrt(weight)) * part for weight, part in blocks if weight > 0]
    return unit_rows(np.hstack([np.zeros((len(catalogue), 0), dtype=np.float32), *parts]))


def words(tags: sp.csr_matrix) -> Floats:
    """Return (n, at most `WORD_DIM`) tags as unit rows, in the directions that tell most apart.

    Args:
        tags: (n, n_tags) unit rows or empty ones.
    """
    if min(tags.shape) <= WORD_DIM:
        return np.asarray(tags.toarray(), dtype=np.float32)
    start = np.full(min(tags.shape), START)
    _, _, directions = svds(tags.astype(np.float64), k=WORD_DIM, v0=start)
    return unit_rows(tags @ directions.T)
