"""Cutting the taste space into segments of equal width, however many tracks each holds.

k-means gives places to tracks, so a style with two tracks left gets none: exactly the shortage that
is sought. Average linkage cut at one height gives every kind of music its own segment.
"""

from __future__ import annotations

import faiss
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.cluster.hierarchy import fcluster, linkage

from core.randomness import derive_seed
from embeddings.vectors import unit_rows
from ranking.model import Floats, Rows

NOWHERE = -1  # the segment of a track of which nothing is known
ROUNDS = 20  # of k-means, where tracks are gathered first


class SegmentsConfig(BaseModel):
    """How finely taste is cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(default=0, ge=0, le=2000)
    """Segments; 0 cuts where the merges of like with like end, see `at_least` and `at_most`."""
    at_least: int = Field(default=6, ge=2, le=2000)
    """Fewest segments of a cut that is sought."""
    at_most: int = Field(default=64, ge=2, le=2000)
    """Most segments of a cut that is sought."""
    gathered: int = Field(default=2000, ge=100, le=10_000)
    """Tracks, or groups of tracks that k-means gathered, that are linked to each other."""
    listeners: int = Field(default=20, ge=0, le=1_000_000)
    """Listeners that a segment must have had; what fewer ever met joins the nearest that has."""

    recut: float = Field(default=0.25, ge=0, le=100)
    """Growth of the catalogue, as a share of the tracks there were, from which taste is cut anew;
    till then new tracks join the segments there are."""

    @model_validator(mode="after")
    def _in_order(self) -> SegmentsConfig:
        if self.at_least > self.at_most:
            raise ValueError(
                f"at_least is {self.at_least} and at_most {self.at_most}; swap the two"
            )
        return self


def cut(points: Floats, met: sp.csr_matrix, config: SegmentsConfig, seed: int) -> Rows:
    """Return the segment of each track, numbered from 0; `NOWHERE` for a row of zeros.

    Args:
        points: (n, d) unit rows, or zeros.
        met: (u, n) who played what.
        config: How finely.
        seed: Decides where k-means starts.

    Returns:
        (n,) segments.
    """
    somewhere = np.flatnonzero(np.any(points != 0, axis=1))
    segments = np.full(len(points), NOWHERE, dtype=np.int64)
    if somewhere.size == 0:
        return segments
    own = points[somewhere]
    centres, group = _gathered(own, config.gathered, seed)
    segments[somewhere] = _linked(centres, config)[group]
    return _without_strays(points, segments, met, config.listeners)


def centroids(points: Floats, segments: Rows) -> Floats:
    """Return (k, d) the direction of each segment's tracks.

    Args:
        points: (n, d) unit rows, or zeros.
        segments: (n,) from 0, or `NOWHERE`.
    """
    count = int(segments.max(initial=NOWHERE)) + 1
    sums = np.zeros((count, points.shape[1]), dtype=np.float64)
    known = segments != NOWHERE
    np.add.at(sums, segments[known], points[known])
    return unit_rows(sums)


def nearest(points: Floats, centres: Floats) -> Rows:
    """Return the segment whose centroid lies nearest to each track; `NOWHERE` for zeros.

    Args:
        points: (m, d) unit rows, or zeros.
        centres: (k, d) unit rows, k ≥ 1.
    """
    found = np.argmax(points @ centres.T, axis=1)
    return np.where(np.any(points != 0, axis=1), found, NOWHERE)


def _gathered(points: Floats, limit: int, seed: int) -> tuple[Floats, Rows]:
    """Return at most `limit` unit rows, and which of them each point belongs to."""
    if len(points) <= limit:
        return points, np.arange(len(points))
    start = derive_seed(seed, "segments") % 2**31
    means = faiss.Kmeans(points.shape[1], limit, niter=ROUNDS, seed=start, spherical=True)
    means.train(points)
    _, group = means.index.search(points, 1)
    used, group = np.unique(group[:, 0], return_inverse=True)
    centres: Floats = means.index.reconstruct_n(0, limit)
    return unit_rows(centres[used]), group.astype(np.int64)


def _without_strays(points: Floats, segments: Rows, met: sp.csr_matrix, listeners: int) -> Rows:
    """Return the segments, those that too few listeners met joined to the nearest other."""
    count = int(segments.max()) + 1
    known = np.flatnonzero(segments != NOWHERE)
    shape = (len(segments), count)
    inside = sp.csr_matrix((np.ones(known.size), (known, segments[known])), shape=shape)
    reached = np.asarray(((met @ inside) > 0).sum(axis=0)).ravel()
    kept = np.flatnonzero(reached >= listeners)
    if not kept.size:
        return np.where(segments == NOWHERE, NOWHERE, 0)
    centres = centroids(points, segments)
    home = np.argmax(centres @ centres[kept].T, axis=1)
    home[kept] = np.arange(kept.size)
    return np.where(segments == NOWHERE, NOWHERE, home[segments])


def _linked(points: Floats, config: SegmentsConfig) -> Rows:
    """Return the segment of each of m points."""
    if len(points) < 3:
        return np.zeros(len(points), dtype=np.int64)
    tree = linkage(points, "average")
    count = config.count or widest_step(tree[:, 2], config.at_least, config.at_most)
    return np.asarray(fcluster(tree, min(count, len(points)), "maxclust") - 1, dtype=np.int64)


def widest_step(heights: NDArray[np.float64], at_least: int, at_most: int) -> int:
    """Return how many clusters there are where the next merge is farthest above the last one.

    Args:
        heights: (m - 1,) of the merges of m points, ascending.
        at_least: Fewest clusters.
        at_most: Most clusters.

    Returns:
        A number of clusters in [at_least, at_most], or m where there are fewer points.

    Example:
        >>> widest_step(np.array([0.1, 0.2, 0.9, 1.0]), 2, 4)
        3
    """
    last = min(at_most, heights.size)
    if last < at_least:
        return int(heights.size) + 1
    counts = np.arange(at_least, last + 1)
    steps = heights[heights.size - counts + 1] - heights[heights.size - counts]
    return int(counts[np.argmax(steps)])
