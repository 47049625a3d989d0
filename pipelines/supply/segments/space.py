"""The taste space: where tracks lie by their sound, their tags and who listens to them.

What is not known of a track is taken from the tracks that are like it in what is known; else all
tracks without tags would lie together for lacking them.
"""

from __future__ import annotations

from collections.abc import Sequence

import faiss
import numpy as np
import scipy.sparse as sp
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse.linalg import svds

from embeddings.vectors import unit_rows
from ranking.catalogue import Catalogue
from ranking.model import Floats, Rows

WORD_DIM = 128  # directions kept of tags where there are more different ones
DONORS = 20  # tracks alike that stand in for what is not known of a track
START = 0.5  # every component of the vector the decomposition starts from, for equal results


class SpaceConfig(BaseModel):
    """What says that two tracks are alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sound: float = Field(default=0.3, ge=0, le=100)
    """Weight of audio vectors in the inner product of two tracks."""
    tags: float = Field(default=1.0, ge=0, le=100)
    """Weight of tags."""
    listening: float = Field(default=0.5, ge=0, le=100)
    """Weight of ALS factors."""
    listening_from: int = Field(default=5, ge=1, le=1000)
    """Listeners from whom on a track's factors say anything."""


def taste_space(
    catalogue: Catalogue, vectors: Floats, factors: Floats, listeners: Rows, config: SpaceConfig
) -> Floats:
    """Return where each track lies, so that an inner product says how alike two are.

    Args:
        catalogue: The tracks and their tags.
        vectors: (n, dim) unit audio vectors; zero rows where a track has none.
        factors: (n, f) ALS factors.
        listeners: (n,) how many played each track.
        config: The weights.

    Returns:
        (n, d) float32 unit rows; zeros where nothing at all is known of a track.
    """
    heard = factors * (listeners >= config.listening_from)[:, None]
    blocks = (
        (config.sound, unit_rows(vectors)),
        (config.tags, words(catalogue.tags)),
        (config.listening, unit_rows(heard)),
    )
    known = [np.float32(np.sqrt(weight)) * part for weight, part in blocks if weight > 0]
    parts = [filled(known, place) for place in range(len(known))]
    return unit_rows(np.hstack([np.zeros((len(catalogue), 0), dtype=np.float32), *parts]))


def filled(blocks: Sequence[Floats], place: int) -> Floats:
    """Return a block in which rows of zeros are what tracks alike have there.

    Args:
        blocks: (n, …) each; rows of one length, or zeros.
        place: Which of them is filled.

    Returns:
        (n, …) the block; a row stays zero where nothing else is known of its track either.
    """
    own = blocks[place]
    has = np.any(own != 0, axis=1)
    missing = np.flatnonzero(~has)
    donors = np.flatnonzero(has)
    others = [part for at, part in enumerate(blocks) if at != place and part.shape[1]]
    if not (missing.size and donors.size and others):
        return own
    known = np.ascontiguousarray(np.hstack(others), dtype=np.float32)
    index = faiss.IndexFlatIP(known.shape[1])
    index.add(known[donors])
    alike, rows = index.search(known[missing], min(DONORS, donors.size))
    weights = np.maximum(alike, 0.0)
    given = np.einsum("ij,ijk->ik", weights, own[donors[rows]])
    length = np.linalg.norm(own[donors[0]])
    whole = own.copy()
    whole[missing] = unit_rows(given) * length
    return whole


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
