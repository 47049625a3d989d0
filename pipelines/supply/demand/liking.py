"""Liking: how likely each listener is to hear each track out, as one inner product.

A listener's share of tracks heard out is taken apart into everyone's mean, the listener's own
level, the track's own level, and what the listener makes of where tracks lie in the taste space: a
ridge regression of each listener on the same few directions, so that a listener who has heard two
metal tracks out is expected to like the third.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from embeddings.collaborative.least_squares import blocks_by_length
from ranking.model import Floats, Rows

MORE_LIKELY_THAN_NOT = 0.5


class LikingConfig(BaseModel):
    """How liking is learned from what was heard out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=48, ge=1, le=512)
    """Directions of the taste space that a listener's liking may follow."""
    ridge: float = Field(default=5.0, gt=0, le=10_000)
    """Plays at everyone's taste that each listener starts with, in each direction."""
    listener_plays: float = Field(default=10.0, ge=0, le=10_000)
    """Plays at everyone's mean that a listener's own level starts with."""
    track_plays: float = Field(default=20.0, ge=0, le=10_000)
    """Likewise for a track's own level."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """What u listeners did with n tracks, one entry a pair, sorted by listener.

    Args:
        starts: (u + 1,) where each listener's pairs begin.
        tracks: (p,) track rows.
        plays: (p,) how often played, > 0.
        finishes: (p,) how often heard out.
    """

    starts: Rows
    tracks: Rows
    plays: Floats
    finishes: Floats

    @property
    def listeners(self) -> Rows:
        """(p,) row of each pair's listener."""
        return np.repeat(np.arange(self.starts.size - 1), np.diff(self.starts))


@dataclass(frozen=True, slots=True, eq=False)
class Liking:
    """An inner product of a listener's and a track's row is how likely the track is heard out.

    Args:
        listeners: (u, r) float32.
        tracks: (n, r) float32.
        good: The inner product from which a track is well liked.
    """

    listeners: Floats
    tracks: Floats
    good: float


def fit_liking(pairs: Pairs, points: Floats, config: LikingConfig, threads: int = 1) -> Liking:
    """Learn how likely listeners are to hear tracks out.

    Args:
        pairs: What was played and heard out.
        points: (n, d) tracks in the taste space.
        config: How much evidence it takes.
        threads: Blocks of listeners solved side by side; the result does not depend on it.

    Returns:
        The liking; `good` is more likely than not.

    Source:
        The levels are shrunk means, the rest is ridge regression per listener, i.e. a hierarchical
        linear model with a common prior; see Gelman and Hill (2007), chapters 12 and 13.
    """
    n_users, n_tracks = pairs.starts.size - 1, len(points)
    directions = _spread(points, config.dim)
    mean = float(pairs.finishes.sum() / max(float(pairs.plays.sum()), 1.0))
    who = pairs.listeners
    plays = np.bincount(who, pairs.plays, n_users)
    heard = np.bincount(who, pairs.finishes, n_users)
    own = (heard - mean * plays) / np.maximum(plays + config.listener_plays, 1e-9)
    left = pairs.finishes - pairs.plays * (mean + own[who])
    played = np.bincount(pairs.tracks, pairs.plays, n_tracks)
    of_track = np.bincount(pairs.tracks, left, n_tracks) / np.maximum(
        played + config.track_plays, 1e-9
    )
    left = left - pairs.plays * of_track[pairs.tracks]
    tastes = _tastes(pairs, directions, left.astype(np.float32), config.ridge, threads)
    return Liking(
        listeners=np.column_stack([mean + own, np.ones(n_users), tastes]).astype(np.float32),
        tracks=np.column_stack([np.ones(n_tracks), of_track, directions]).astype(np.float32),
        good=MORE_LIKELY_THAN_NOT,
    )


def _spread(points: Floats, dim: int) -> Floats:
    """Return (n, ≤ dim) the principal components of tracks, of mean squared length 1."""
    known = np.any(points != 0, axis=1)
    if not known.any():
        return np.zeros((len(points), 0), dtype=np.float32)
    centred = points[known].astype(np.float64)
    centred -= centred.mean(axis=0)
    spectrum, axes = np.linalg.eigh(centred.T @ centred)
    kept = axes[:, np.argsort(-spectrum)[:dim]]
    found = np.zeros((len(points), kept.shape[1]))
    found[known] = centred @ kept
    length = np.sqrt((found[known] ** 2).sum(axis=1).mean())
    return np.asarray(found / (length if length > 0 else 1.0), dtype=np.float32)


def _tastes(
    pairs: Pairs, directions: Floats, left: Floats, ridge: float, threads: int
) -> NDArray[np.float32]:
    """Solve every listener's ridge regression of what is left on the tracks' directions."""
    dim = directions.shape[1]
    lengths = np.diff(pairs.starts)
    tastes = np.zeros((lengths.size, dim), dtype=np.float32)
    diagonal = np.arange(dim)

    def solve(rows: NDArray[np.int64]) -> None:
        steps = np.arange(int(lengths[rows].max()))
        at = np.minimum(pairs.starts[rows, None] + steps, pairs.starts[rows + 1, None] - 1)
        inside = steps < lengths[rows, None]
        own = directions[pairs.tracks[at]]
        weights = np.where(inside, pairs.plays[at], 0.0).astype(np.float32)
        system = np.matmul((own * weights[:, :, None]).transpose(0, 2, 1), own)
        system[:, diagonal, diagonal] += ridge
        wanted = np.matmul(own.transpose(0, 2, 1), np.where(inside, left[at], 0.0)[:, :, None])
        tastes[rows] = np.linalg.solve(system, wanted)[:, :, 0]

    if dim:
        with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
            list(pool.map(solve, blocks_by_length(lengths, dim)))
    return tastes
