"""A planted world in which what a track sounds like says, in part, who plays it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from embeddings.bridge.settling import GivenUsers
from embeddings.collaborative.factors import AlsFactors, Ridge
from embeddings.vectors import unit_rows

USERS, TRACKS, DIM, K, RIDGE = 300, 240, 12, 6, 5.0


@dataclass(frozen=True, slots=True, eq=False)
class World:
    factors: AlsFactors
    confidence: sparse.csr_matrix
    vectors: np.ndarray
    listeners: np.ndarray


def world(seed: int = 0, bend: float = 0.0, share: float = 0.25) -> World:
    """Return plays drawn from a taste that is a map of the vectors, bent where `bend` is not 0."""
    rng = np.random.default_rng(seed)
    vectors = unit_rows(rng.standard_normal((TRACKS, DIM)))
    users = rng.standard_normal((USERS, K)).astype(np.float32)
    slope = rng.standard_normal((DIM, K))
    tastes = vectors @ slope
    tastes = (1 - bend) * tastes + bend * 2 * (np.abs(vectors[:, :K]) - 0.23)
    scores = users @ tastes.T + 0.5 * rng.standard_normal((USERS, TRACKS))
    plays = scores > np.quantile(scores, 1 - share)
    confidence = sparse.csr_matrix(np.where(plays, 2.0, 0.0).astype(np.float32))
    return World(solved(users, confidence), confidence, vectors, plays.sum(0).astype(np.float32))


def solved(users: np.ndarray, confidence: sparse.csr_matrix) -> AlsFactors:
    """Return factors whose tracks solve the ALS systems exactly, given the listeners."""
    n = confidence.shape[1]
    blank = np.zeros((n, users.shape[1]), np.float32)
    ids = tuple(f"t{at}" for at in range(n))
    empty = AlsFactors(tuple(f"u{at}" for at in range(len(users))), ids, users, blank, Ridge(RIDGE))
    system, columns = GivenUsers(empty), confidence.tocsc()
    tracks = blank.copy()
    for at in range(n):
        span = slice(columns.indptr[at], columns.indptr[at + 1])
        who, sure = columns.indices[span], columns.data[span]
        tracks[at] = system.solve(who, sure, blank[at])[0]
    return AlsFactors(empty.user_ids, ids, users, tracks, Ridge(RIDGE))
