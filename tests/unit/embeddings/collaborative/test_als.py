"""ALS against a dense implementation of its normal equations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from core.errors import DataError
from embeddings.collaborative.als import AlsConfig, fit_als
from embeddings.collaborative.confidence import ConfidenceConfig, confidence


def ids(prefix: str, n: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{i}" for i in range(n))


def small_confidence(n_users: int = 12, n_tracks: int = 9) -> sparse.csr_matrix:
    rng = np.random.default_rng(2)
    plays = rng.poisson(0.7, size=(n_users, n_tracks)).astype(float)
    return confidence(sparse.csr_matrix(plays), ConfidenceConfig(scheme="linear", alpha=4.0))


def dense_side(weights: np.ndarray, other: np.ndarray, ridge: float) -> np.ndarray:
    rows = []
    for own in weights:
        c = np.where(own > 0, own, 1.0)
        system = (other.T * c) @ other + ridge * np.eye(other.shape[1])
        rows.append(np.linalg.solve(system, other.T @ (c * (own > 0))))
    return np.array(rows)


def test_the_fit_equals_dense_als_from_the_same_start():
    matrix, config = small_confidence(), AlsConfig(dim=3, iterations=4, exact=True, num_threads=1)
    rng = np.random.default_rng(11)  # implicit draws users, then tracks, from this generator
    users = rng.random((12, 3), dtype=np.float32) * 0.01
    tracks = (rng.random((9, 3), dtype=np.float32) * 0.01).astype(np.float64)
    for _ in range(config.iterations):
        users = dense_side(matrix.toarray(), tracks, config.regularization)
        tracks = dense_side(matrix.toarray().T, users, config.regularization)
    found = fit_als(matrix, ids("u", 12), ids("t", 9), config, seed=11)
    # implicit works in float32 and four sweeps compound its rounding.
    np.testing.assert_allclose(found.users, users, atol=1e-3)
    np.testing.assert_allclose(found.tracks, tracks, atol=1e-3)


def test_a_checkerboard_is_solved():
    board = (np.add.outer(np.arange(16), np.arange(12)) % 2 == 0).astype(float)
    held = board.copy()
    held[0, 0] = held[5, 7] = 0.0
    matrix = confidence(sparse.csr_matrix(held), ConfidenceConfig(scheme="binary", alpha=20.0))
    config = AlsConfig(dim=2, iterations=30, regularization=0.01)
    found = fit_als(matrix, ids("u", 16), ids("t", 12), config, seed=1)
    scores = found.users @ found.tracks.T
    assert scores[board == 1].min() > scores[board == 0].max() + 0.5


def test_seeds_decide_and_threads_do_not():
    matrix, names = small_confidence(), (ids("u", 12), ids("t", 9))
    one, two = AlsConfig(dim=4, num_threads=1), AlsConfig(dim=4, num_threads=2)
    first, second = (fit_als(matrix, *names, config, seed=3) for config in (one, two))
    np.testing.assert_array_equal(first.tracks, second.tracks)
    other = fit_als(matrix, *names, one, seed=4)
    assert not np.array_equal(first.tracks, other.tracks)


def test_folding_a_trained_listener_in_lands_beside_their_factors():
    matrix = small_confidence()
    config = AlsConfig(dim=3, iterations=60)
    found = fit_als(matrix, ids("u", 12), ids("t", 9), config, seed=3)
    for user in range(12):
        own = matrix[user]
        folded = found.fold_in(own.indices.astype(np.int64), own.data)
        # Converged: solving a user once more against the last tracks changes little.
        np.testing.assert_allclose(folded, found.users[user], atol=0.02)


def test_progress_counts_iterations():
    seen: list[tuple[int, int]] = []
    fit_als(
        small_confidence(), ids("u", 12), ids("t", 9), AlsConfig(dim=2, iterations=3), seed=0,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_what_cannot_be_factorised_is_refused():
    with pytest.raises(DataError, match="no plays"):
        fit_als(sparse.csr_matrix((2, 3)), ids("u", 2), ids("t", 3), AlsConfig(), seed=0)
    with pytest.raises(DataError, match="same tables"):
        fit_als(small_confidence(), ids("u", 2), ids("t", 9), AlsConfig(), seed=0)
