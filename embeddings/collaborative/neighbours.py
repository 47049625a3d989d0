"""Item neighbours: which tracks the same listeners play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

from core.errors import ArtifactError, DataError
from core.ids import Ids
from embeddings.runs import spans
from embeddings.storage import load_csr, load_ids, save_csr, save_ids

Weighting = Literal["cosine", "tfidf", "bm25"]


class NeighboursConfig(BaseModel):
    """How two tracks are compared and how many neighbours are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weighting: Weighting = "cosine"
    """What a play weighs before the cosine: itself, or less in a listener who plays everything."""
    limit: int = Field(default=100, ge=1, le=10_000)
    """Neighbours kept of each track."""
    shrinkage: float = Field(default=0.0, ge=0, le=1e6)
    """Co-listeners to imagine with no similarity: n / (n + shrinkage) damps rare coincidences."""
    bm25_k1: float = Field(default=100.0, gt=0, le=10_000)
    """`bm25`: the count at which more plays stop to add."""
    bm25_b: float = Field(default=0.8, ge=0, le=1)
    """`bm25`: how far a listener's total discounts each of their plays."""
    block_tracks: int = Field(default=2048, ge=1)
    """Tracks compared with all others at a time; bounds the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemNeighbours:
    """The nearest tracks of each track by common listeners.

    Attributes:
        track_ids: (n,) distinct ids.
        similarity: (n, n) float32 CSR; row t holds the neighbours of t, never t itself.
    """

    track_ids: tuple[str, ...]
    similarity: sparse.csr_matrix

    def __post_init__(self) -> None:
        n = len(self.track_ids)
        if self.similarity.shape != (n, n):
            raise DataError(f"similarities have shape {self.similarity.shape} for {n} tracks")

    def neighbours(self, row: int, limit: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the nearest tracks of one track, best first.

        Args:
            row: The track.
            limit: Neighbours wanted.

        Returns:
            rows (k,) and scores (k,) with k <= limit.
        """
        return self.scores(np.array([row]), np.ones(1, dtype=np.float32), limit)

    def scores(
        self, rows: NDArray[np.int64], weights: NDArray[np.floating], limit: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Score tracks for a listener by their similarity to a history.

        Args:
            rows: (k,) tracks of the history; they may be found again, filters drop them.
            weights: (k,) what each is worth, negative to push its neighbours away.
            limit: Tracks wanted, best first; None for all that have a neighbour in the history.

        Returns:
            rows (m,) int64 and scores (m,) float32, best first, ties by row.
        """
        found, totals = self.totals(rows, weights)
        best = np.lexsort((found, -totals))[:limit]
        return found[best], totals[best].astype(np.float32)

    def totals(
        self, rows: NDArray[np.int64], weights: NDArray[np.floating]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return every track that has a neighbour in the history, by row, and its score.

        Args:
            rows: (k,) tracks of the history.
            weights: (k,) what each is worth.

        Returns:
            rows (m,) int64 ascending and scores (m,) float64; all other tracks score 0.
        """
        starts = self.similarity.indptr[rows]
        counts = self.similarity.indptr[rows + 1] - starts
        at = spans(starts, counts)
        worth = np.repeat(np.asarray(weights, dtype=np.float64), counts) * self.similarity.data[at]
        return _summed(self.similarity.indices[at], worth, len(self.track_ids))

    def aligned(self, track_ids: Sequence[str]) -> ItemNeighbours:
        """Return the same neighbours for other ids in their order; unknown tracks have none."""
        if track_ids is self.track_ids or tuple(track_ids) == self.track_ids:
            return self
        known = Ids(track_ids)
        rows = known.rows(self.track_ids)
        kept = rows >= 0
        shape = (len(rows), len(known))
        ones = np.ones(int(kept.sum()), dtype=np.float32)
        move = sparse.csr_matrix((ones, (np.flatnonzero(kept), rows[kept])), shape=shape)
        moved = sparse.csr_matrix(move.T @ self.similarity @ move, dtype=np.float32)
        moved.sort_indices()
        return ItemNeighbours(known.values, moved)

    def save(self, folder: Path) -> None:
        """Write ids and the sparse matrix into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        save_ids(folder / "track_ids.parquet", self.track_ids)
        save_csr(folder, "similarity", self.similarity)

    @classmethod
    def load(cls, folder: Path) -> ItemNeighbours:
        """Read neighbours back, memory-mapped.

        Raises:
            ArtifactError: If a file is missing or the parts do not fit.
        """
        track_ids = load_ids(folder / "track_ids.parquet")
        shape = (len(track_ids), len(track_ids))
        try:
            return cls(track_ids, load_csr(folder, "similarity", shape))
        except ValueError as error:
            raise ArtifactError(f"{folder} is not a neighbour table ({error})") from error


def _summed(
    columns: NDArray[np.integer], worth: NDArray[np.float64], n: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the distinct columns, ascending, and what their entries are worth together.

    Adding up into one place a column spares the sorting where they are not too many.
    """
    if n > 8 * columns.size:
        found, inverse = np.unique(columns, return_inverse=True)
        sums = np.bincount(inverse, worth)
    else:
        is_met = np.zeros(n, dtype=np.bool_)
        is_met[columns] = True
        found = np.flatnonzero(is_met)
        sums = np.bincount(columns, worth, minlength=n)[found]
    return found.astype(np.int64, copy=False), sums.astype(np.float64, copy=False)


def fit_neighbours(
    plays: sparse.csr_matrix, track_ids: tuple[str, ...], config: NeighboursConfig
) -> ItemNeighbours:
    """Find the nearest tracks of every track by the cosine of their listeners.

    Args:
        plays: (n_users, n_tracks) tallies, not negative.
        track_ids: (n_tracks,) ids of its columns.
        config: Weighting, shrinkage and how many are kept.

    Returns:
        The neighbours; a track nobody shares with another has none.

    Raises:
        DataError: If the matrix does not fit the ids.

    Source:
        Sarwar et al., "Item-based Collaborative Filtering", 2001; shrinkage after Bell and Koren,
        2007; bm25 after Robertson and Zaragoza, 2009, with listeners as documents' terms.
    """
    if plays.shape[1] != len(track_ids):
        raise DataError(f"plays have {plays.shape[1]} columns for {len(track_ids)} tracks")
    tracks = _unit_tracks(plays, config)
    listeners = tracks.T.tocsr()
    heard = sparse.csr_matrix(tracks, copy=True)
    heard.data = np.ones_like(heard.data)
    blocks = [
        _nearest(tracks, listeners, heard, start, config)
        for start in range(0, len(track_ids), config.block_tracks)
    ]
    if not blocks:
        return ItemNeighbours(track_ids, sparse.csr_matrix((0, 0), dtype=np.float32))
    return ItemNeighbours(track_ids, sparse.vstack(blocks, format="csr", dtype=np.float32))


def weighted_plays(plays: sparse.csr_matrix, config: NeighboursConfig) -> sparse.csr_matrix:
    """Weigh plays before tracks are compared.

    A listener who plays everything says little about which tracks belong together, so `tfidf` and
    `bm25` discount each listener by log(n_tracks / tracks they played).

    Args:
        plays: (n_users, n_tracks) tallies.
        config: The weighting and its parameters.

    Returns:
        (n_users, n_tracks) float64 CSR.
    """
    counts = sparse.csr_matrix(plays, dtype=np.float64, copy=True)
    counts.sum_duplicates()
    counts.eliminate_zeros()
    if config.weighting == "cosine" or counts.nnz == 0:
        return counts
    played = np.diff(counts.indptr)
    user = np.repeat(np.arange(counts.shape[0]), played)
    idf = np.log(counts.shape[1] / np.maximum(played, 1)) + 1.0
    if config.weighting == "tfidf":
        counts.data = np.sqrt(counts.data) * idf[user]
        return counts
    totals = np.asarray(counts.sum(axis=1)).ravel()
    relative = totals / max(totals[played > 0].mean(), np.finfo(np.float64).tiny)
    bend = config.bm25_k1 * (1.0 - config.bm25_b + config.bm25_b * relative)
    counts.data = counts.data * (config.bm25_k1 + 1.0) / (counts.data + bend[user]) * idf[user]
    return counts


def _unit_tracks(plays: sparse.csr_matrix, config: NeighboursConfig) -> sparse.csr_matrix:
    tracks = weighted_plays(plays, config).T.tocsr()
    norms = np.sqrt(np.asarray(tracks.multiply(tracks).sum(axis=1)).ravel())
    tracks.data /= np.repeat(np.where(norms > 0, norms, 1.0), np.diff(tracks.indptr))
    return tracks


def _nearest(
    tracks: sparse.csr_matrix,
    listeners: sparse.csr_matrix,
    heard: sparse.csr_matrix,
    start: int,
    config: NeighboursConfig,
) -> sparse.csr_matrix:
    stop = min(start + config.block_tracks, tracks.shape[0])
    block = (tracks[start:stop] @ listeners).tocsr()
    block.sort_indices()
    if config.shrinkage > 0:
        common = (heard[start:stop] @ heard.T).tocsr()
        common.sort_indices()  # the same pairs in the same order as `block`
        block.data *= common.data / (common.data + config.shrinkage)
    return _top(block, start, config.limit)


def _top(block: sparse.csr_matrix, start: int, limit: int) -> sparse.csr_matrix:
    columns: list[NDArray[np.int64]] = []
    values: list[NDArray[np.float64]] = []
    for offset in range(block.shape[0]):
        part = slice(block.indptr[offset], block.indptr[offset + 1])
        column, value = block.indices[part], block.data[part]
        other = (column != start + offset) & (value > 0)
        column, value = column[other], value[other]
        # Ties go to the lower row, so that the result does not depend on the block size.
        best = np.sort(np.lexsort((column, -value))[:limit])
        columns.append(column[best])
        values.append(value[best])
    indptr = np.concatenate([[0], np.cumsum([len(column) for column in columns])])
    data = np.concatenate(values).astype(np.float32)
    return sparse.csr_matrix((data, np.concatenate(columns), indptr), shape=block.shape)
