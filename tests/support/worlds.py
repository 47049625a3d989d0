"""A tiny catalogue with what was learned from it, in memory, for tests of the request path.

Tracks fall into clusters: those of one cluster sound alike (vectors), share listeners (factors and
neighbours) and carry the same tag, so that a test can say what a listener of a cluster wants.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from core.events import DAY_MS
from core.ids import Ids
from embeddings.collaborative.autoencoder import AutoencoderConfig, fit_autoencoder
from embeddings.collaborative.factors import AlsFactors, Ridge
from embeddings.collaborative.neighbours import ItemNeighbours, NeighboursConfig, fit_neighbours
from embeddings.index import IndexConfig, build_index
from embeddings.vectors import unit_rows
from ranking.catalogue import Catalogue, Origin, Status
from ranking.clusters import clusters_of
from ranking.learned import Learned, TrackStatistics
from ranking.model import FeedQuery, Listener, Preferences

NOW_MS = 1_767_225_600_000 + 40 * DAY_MS  # 2026-02-10
HOUR_MS = DAY_MS // 24
N_CLUSTERS = 4


@dataclass(frozen=True, slots=True, eq=False)
class TinyWorld:
    """What a feed is made from, and the truth behind it.

    Args:
        catalogue: The tracks; the last eighth is on trial, `cluster` says what each sounds like.
        learned: Vectors, index, factors, neighbours and statistics, aligned with the catalogue.
        cluster: (n,) the cluster of each track.
    """

    catalogue: Catalogue
    learned: Learned
    cluster: np.ndarray

    def rows_of(self, cluster: int, status: Status = Status.ACTIVE) -> np.ndarray:
        """Return the rows of a cluster in one status."""
        catalogue = self.catalogue
        return np.flatnonzero((self.cluster == cluster) & (catalogue.statuses == status))


def tiny_world(
    n_tracks: int = 96, n_creators: int = 12, n_users: int = 60, dim: int = 8, seed: int = 3
) -> TinyWorld:
    """Return a world; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, N_CLUSTERS, n_tracks)
    statuses = np.full(n_tracks, Status.ACTIVE, dtype=np.int8)
    statuses[n_tracks - n_tracks // 8 :] = Status.TRIAL
    catalogue = tiny_catalogue(n_tracks, n_creators, cluster, statuses, rng)
    plays = _plays(cluster, statuses, n_users, rng)
    return TinyWorld(catalogue, _learned(catalogue, cluster, plays, dim, rng), cluster)


def tiny_catalogue(
    n_tracks: int,
    n_creators: int,
    cluster: np.ndarray,
    statuses: np.ndarray,
    rng: np.random.Generator,
) -> Catalogue:
    """Return a catalogue: a third generated, of which half state it; a tenth explicit."""
    origins = rng.choice(
        [Origin.HUMAN, Origin.GENERATED, Origin.ASSISTED], n_tracks, p=[0.6, 0.3, 0.1]
    ).astype(np.int8)
    restricted = rng.choice(n_tracks, n_tracks // 12, replace=False) if n_tracks else []
    ones = np.ones(n_tracks, dtype=np.float32)
    return Catalogue(
        tracks=Ids(f"t{row:04d}" for row in range(n_tracks)),
        creators=Ids(f"c{row:03d}" for row in range(n_creators)),
        creator_rows=rng.integers(-1, n_creators, n_tracks).astype(np.int64),
        statuses=statuses,
        origins=origins,
        explicit=rng.random(n_tracks) < 0.1,
        labelled=(origins == Origin.HUMAN) | (rng.random(n_tracks) < 0.5),
        released_at_ms=NOW_MS - rng.integers(0, 90 * DAY_MS, n_tracks).astype(np.int64),
        duration_ms=rng.uniform(30_000, 240_000, n_tracks).astype(np.float32),
        hidden=np.zeros(n_tracks, dtype=np.bool_),
        regions={int(row): frozenset({"DE", "FR"}) for row in restricted},
        tags=sp.csr_matrix((ones, (np.arange(n_tracks), cluster)), shape=(n_tracks, N_CLUSTERS)),
        tag_names=tuple(f"cluster{number}" for number in range(N_CLUSTERS)),
    )


def with_copies(world: TinyWorld) -> TinyWorld:
    """Return the world as if the tracks of each half of a cluster repeated those of the other.

    What `listener_of` played is among the copies, and what they repeat among the rest.
    """
    tracks = world.catalogue.tracks
    pairs = []
    for cluster in range(N_CLUSTERS):
        rows = np.flatnonzero(world.cluster == cluster)
        half = rows.size // 2
        pairs += list(zip(rows[:half].tolist(), rows[half : 2 * half].tolist(), strict=True))
    clusters = clusters_of(tracks, [(tracks[copy], tracks[first]) for copy, first in pairs])
    return replace(world, catalogue=replace(world.catalogue, clusters=clusters))


def listener_of(
    world: TinyWorld, cluster: int, n_plays: int = 8, user_id: str = "u1", days_ago: float = 2.0
) -> Listener:
    """Return somebody who played, finished and partly liked tracks of one cluster."""
    rows = world.rows_of(cluster)[:n_plays].astype(np.int64)
    n = rows.size
    return Listener(
        user_id=user_id,
        rows=rows,
        plays=np.arange(n, 0, -1).astype(np.float32),
        finishes=(np.arange(n) % 2).astype(np.float32),
        skips=np.zeros(n, dtype=np.float32),
        opinions=(np.arange(n) % 3 == 0).astype(np.int8),
        last_at_ms=(NOW_MS - (days_ago * DAY_MS + np.arange(n) * HOUR_MS)).astype(np.int64),
        preferences=Preferences(region="DE"),
    )


def query_of(
    listener: Listener,
    size: int = 10,
    seed: int = 11,
    surface: str = "home",
    now_ms: int = NOW_MS,
    exclude: np.ndarray | None = None,
) -> FeedQuery:
    """Return a request for a page, now."""
    chosen = np.empty(0, dtype=np.int64) if exclude is None else exclude.astype(np.int64)
    return FeedQuery(listener, size, now_ms, seed, surface, chosen)


def nothing_learned(catalogue: Catalogue, dim: int = 8) -> Learned:
    """Return what an installation has learned before its first training: nothing."""
    n, ids = len(catalogue), catalogue.tracks.values
    empty = np.zeros((n, dim), dtype=np.float32)
    no_users = np.zeros((0, dim), dtype=np.float32)
    return Learned(
        vectors=empty,
        index=build_index(empty, IndexConfig()),
        factors=AlsFactors((), ids, no_users, empty, Ridge(1.0)),
        neighbours=ItemNeighbours(ids, sp.csr_matrix((n, n), dtype=np.float32)),
        autoencoder=ItemNeighbours(ids, sp.csr_matrix((n, n), dtype=np.float32)),
        statistics=TrackStatistics(*(np.zeros(n, dtype=np.float32) for _ in range(6)), 0),
    )


def _plays(
    cluster: np.ndarray, statuses: np.ndarray, n_users: int, rng: np.random.Generator
) -> np.ndarray:
    """Play mostly the own cluster; trial tracks are unheard."""
    own = np.arange(n_users)[:, None] % N_CLUSTERS == cluster[None, :]
    counts = rng.poisson(np.where(own, 1.5, 0.05))
    return np.where(statuses == Status.TRIAL, 0, counts).astype(np.float64)


def _learned(
    catalogue: Catalogue, cluster: np.ndarray, plays: np.ndarray, dim: int, rng: np.random.Generator
) -> Learned:
    n, ids = len(catalogue), catalogue.tracks.values
    centres = unit_rows(rng.normal(size=(N_CLUSTERS, dim)))
    vectors = unit_rows(centres[cluster] + 0.25 * rng.normal(size=(n, dim)) / np.sqrt(dim))
    # A truncated SVD stands in for a fit: the space is what matters here, not how it was found.
    left, values, right = np.linalg.svd(np.log1p(plays), full_matrices=False)
    scale = np.sqrt(values[:dim])
    users = (left[:, :dim] * scale).astype(np.float32)
    tracks = (right[:dim].T * scale).astype(np.float32)
    totals = plays.sum(axis=0).astype(np.float32)
    rate = np.full(n, 0.4, dtype=np.float32)
    return Learned(
        vectors=vectors,
        index=build_index(vectors, IndexConfig()),
        factors=AlsFactors(
            tuple(f"u{i}" for i in range(len(plays))), ids, users, tracks, Ridge(1.0)
        ),
        neighbours=fit_neighbours(sp.csr_matrix(plays), ids, NeighboursConfig(limit=20)),
        autoencoder=fit_autoencoder(
            sp.csr_matrix(plays), catalogue.tags, ids, AutoencoderConfig(limit=20, ridge=5.0)
        ),
        statistics=TrackStatistics(
            plays=totals,
            listeners=(plays > 0).sum(axis=0).astype(np.float32),
            recent=totals,
            finish_rate=rate,
            skip_rate=rate,
            like_rate=rate,
            as_of_ms=NOW_MS,
        ),
    )
