"""EASE: a linear autoencoder of what each listener plays, kept as signed weights between tracks.

The weights B minimise |X - XB|² + λ|B|² with a zero diagonal: each track is foretold from the
others. Tags stand in X as listeners who play every track of theirs, so that tracks with few plays
borrow from what they are called.

Up to `closed_form_tracks` B comes from one inverse of all tracks. Above, each track's column is the
same regression over its nearest tracks by cosine only, which is the exact column where that
neighbourhood holds every track.

Source: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019 (the closed form); Ning
and Karypis, "SLIM", 2011 (the regression of one track over its neighbours); Jeunen, Van Balen and
Goethals, "Closed-Form Models for Collaborative Filtering with Side-Information", 2020 (tags as
further rows).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import linalg, sparse

from core.errors import DataError
from embeddings.collaborative.confidence import relative
from embeddings.collaborative.neighbours import ItemNeighbours, NeighboursConfig, fit_neighbours

BLOCK = 1024  # tracks whose weights are looked at together; bounds what stands beside the inverse

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Columns = Iterator[tuple[Rows, Floats]]


class AutoencoderConfig(BaseModel):
    """How tracks are foretold from each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    """Whether it is fitted; without it the source offers nothing."""
    ridge: float = Field(default=100.0, gt=0, le=1e9)
    """λ: the larger, the less a single listener binds two tracks."""
    min_listeners: int = Field(default=3, ge=1)
    """Tracks with fewer listeners take no part."""
    tag_weight: float = Field(default=4.0, ge=0, le=1000)
    """What a tag counts, a listener counting 1 a track on average; 0 leaves tags out."""
    limit: int = Field(default=300, ge=1, le=10_000)
    """Weights kept of each track, the largest by magnitude."""
    closed_form_tracks: int = Field(default=20_000, ge=0, le=50_000)
    """Up to so many tracks all are inverted at once, in float32: 1.6 GB at 20,000."""
    neighbourhood: int = Field(default=200, ge=1, le=5000)
    """Above: the nearest tracks that a track is foretold from."""


def fit_autoencoder(
    plays: sparse.csr_matrix,
    tags: sparse.csr_matrix,
    track_ids: tuple[str, ...],
    config: AutoencoderConfig,
) -> ItemNeighbours:
    """Fit the weights.

    Args:
        plays: (n_users, n_tracks) tallies, not negative; each counts relative to its listener's
            own mean, as `relative` confidences do.
        tags: (n_tracks, n_tags) unit rows or empty ones.
        track_ids: (n_tracks,) ids of the tracks.
        config: Ridge, limits and the way it is solved.

    Returns:
        Row t holds what a play of t says of other tracks, for and against.

    Raises:
        DataError: If the matrices do not fit the ids.
    """
    n = len(track_ids)
    if plays.shape[1] != n or tags.shape[0] != n:
        raise DataError(
            f"plays have {plays.shape[1]} columns and tags {tags.shape[0]} rows for {n} tracks; "
            "build them from the same catalogue"
        )
    rows = sparse.csr_matrix(plays, dtype=np.float64, copy=True)
    rows.eliminate_zeros()
    kept = np.flatnonzero(np.bincount(rows.indices, minlength=n) >= config.min_listeners)
    if not (config.enabled and kept.size):
        return ItemNeighbours(track_ids, sparse.csr_matrix((n, n), dtype=np.float32))
    rows.data = relative(rows.data, rows.indptr)
    inputs = rows[:, kept]
    if config.tag_weight and tags.shape[1]:
        inputs = sparse.vstack([inputs, config.tag_weight * tags[kept].T])
    inputs = sparse.csr_matrix(inputs, dtype=np.float32)
    solve = _closed_form if kept.size <= config.closed_form_tracks else _restricted
    return ItemNeighbours(track_ids, _collected(solve(inputs, config), kept, n))


def closed_form_inverse(inputs: sparse.csr_matrix, ridge: float) -> Floats:
    """Return (XᵀX + λI)⁻¹ in float32, in the memory of the one matrix.

    Single precision is enough: λ bounds the condition number by (largest eigenvalue + λ) / λ,
    some thousands.

    Args:
        inputs: (m, k) float32 CSR.
        ridge: λ.
    """
    k = inputs.shape[1]
    gram = np.empty((k, k), dtype=np.float32, order="F")
    by_track = inputs.T.tocsr()
    for start in range(0, k, BLOCK):
        stop = start + BLOCK
        gram[:, start:stop] = (by_track[start:stop] @ inputs).toarray().T
    gram[np.diag_indices(k)] += np.float32(ridge)
    factor, failed = linalg.lapack.spotrf(gram, lower=1, overwrite_a=1)
    if failed == 0:
        inverse, failed = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise DataError(f"the ridge {ridge} leaves the weights unsolvable; raise it")
    for start in range(0, k, BLOCK):
        stop = min(start + BLOCK, k)
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
        corner = np.tril(inverse[start:stop, start:stop])
        inverse[start:stop, start:stop] = corner + np.tril(corner, -1).T
    return np.asarray(inverse)


def _closed_form(inputs: sparse.csr_matrix, config: AutoencoderConfig) -> Columns:
    """Yield each track's column of B = I - P / diag(P), cut to its largest weights."""
    inverse = closed_form_inverse(inputs, config.ridge)
    everything = np.arange(inverse.shape[0])
    for track in everything:
        weights = -inverse[:, track] / inverse[track, track]
        weights[track] = 0.0
        yield _largest(everything, weights, config.limit)


def _restricted(inputs: sparse.csr_matrix, config: AutoencoderConfig) -> Columns:
    """Yield each track's column of B, foretold from its nearest tracks only."""
    k = inputs.shape[1]
    near = fit_neighbours(
        inputs, tuple(map(str, range(k))), NeighboursConfig(limit=config.neighbourhood)
    ).similarity
    by_track = inputs.tocsc()
    for track in range(k):
        among = near.indices[near.indptr[track] : near.indptr[track + 1]].astype(np.int64)
        own = by_track[:, np.append(among, track)]
        gram = (own.T @ own).toarray().astype(np.float64)
        system = gram[:-1, :-1] + config.ridge * np.eye(among.size)
        weights = linalg.solve(system, gram[:-1, -1], assume_a="pos", check_finite=False)
        yield _largest(among, weights.astype(np.float32), config.limit)


def _largest(rows: Rows, weights: Floats, limit: int) -> tuple[Rows, Floats]:
    """Return the weights of largest magnitude; those of zero say nothing."""
    size = np.abs(weights)
    if weights.size > limit:
        picked = np.sort(np.argpartition(-size, limit - 1)[:limit])
        rows, weights, size = rows[picked], weights[picked], size[picked]
    return rows[size > 0], weights[size > 0]


def _collected(columns: Columns, kept: Rows, n: int) -> sparse.csr_matrix:
    """Return the (n, n) CSR matrix of the columns of some tracks."""
    found = list(columns)
    counts = np.zeros(n, dtype=np.int64)
    counts[kept] = [rows.size for rows, _ in found]
    starts = np.concatenate([[0], np.cumsum(counts)])
    rows = kept[np.concatenate([rows for rows, _ in found])]
    weights = np.concatenate([weights for _, weights in found])
    matrix = sparse.csc_matrix((weights, rows, starts), shape=(n, n)).tocsr()
    matrix.sort_indices()
    return matrix
