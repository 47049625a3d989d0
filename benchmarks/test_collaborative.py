"""How fast listeners are factorised, beside `implicit`, and how fast one is folded in.

The promise is a fold-in below 1 ms at 64 factors and 200 tracks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from embeddings.collaborative.als import fit_als
from embeddings.collaborative.confidence import ConfidenceConfig, confidence
from embeddings.collaborative.factors import AlsConfig, AlsFactors, Ridge

N_USERS, N_TRACKS, N_PAIRS = 2_000, 18_000, 75_000
DIM, HISTORY = 64, 200
FOLD_IN_S = 0.001


@pytest.fixture(scope="module")
def confidences() -> sparse.csr_matrix:
    """Plays with a tail like that of real listening: half the tracks have one listener."""
    rng = np.random.default_rng(1)
    popularity = 1 / np.arange(1, N_TRACKS + 1) ** 0.9
    tracks = rng.choice(N_TRACKS, N_PAIRS, p=popularity / popularity.sum())
    users = rng.integers(0, N_USERS, N_PAIRS)
    counts = rng.geometric(0.05, N_PAIRS).astype(np.float32)
    plays = sparse.csr_matrix((counts, (users, tracks)), shape=(N_USERS, N_TRACKS))
    return confidence(plays, ConfidenceConfig(scheme="log", alpha=10.0))


def test_als_solved_exactly(benchmark: Any, confidences: sparse.csr_matrix) -> None:
    users = tuple(f"u{at}" for at in range(N_USERS))
    tracks = tuple(f"t{at}" for at in range(N_TRACKS))
    config = AlsConfig(dim=DIM, iterations=8, regularization=0.1, frequency=1.0, num_threads=1)
    benchmark.pedantic(fit_als, (confidences, users, tracks, config, 1), rounds=3)


def test_als_of_implicit(benchmark: Any, confidences: sparse.csr_matrix) -> None:
    def fit() -> None:
        model = AlternatingLeastSquares(
            factors=DIM, regularization=10.0, iterations=15, num_threads=1, random_state=1
        )
        model.fit(confidences, show_progress=False)

    with threadpool_limits(limits=1, user_api="blas"):
        benchmark.pedantic(fit, rounds=3)


def test_a_listener_is_folded_in_within_a_millisecond(benchmark: Any) -> None:
    rng = np.random.default_rng(2)
    ids = tuple(f"t{at}" for at in range(N_TRACKS))
    tracks = rng.normal(size=(N_TRACKS, DIM)).astype(np.float32)
    factors = AlsFactors((), ids, np.zeros((0, DIM), np.float32), tracks, Ridge(1.0))
    rows = np.sort(rng.choice(N_TRACKS, HISTORY, replace=False))
    sure = 1.0 + 10.0 * rng.random(HISTORY)
    with threadpool_limits(limits=1, user_api="blas"):
        benchmark.pedantic(factors.fold_in, (rows, sure), rounds=1000, warmup_rounds=20)
    assert benchmark.stats["median"] < FOLD_IN_S
