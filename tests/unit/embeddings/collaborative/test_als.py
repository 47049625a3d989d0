"""ALS against a dense implementation of its normal equations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from core.errors import DataError
from embeddings.collaborative.als import AlsConfig, fit_als
from embeddings.collaborative.confidence import ConfidenceConfig, confidence
from embeddings.collaborative.factors import AlsFactors, Ridge, ridge_of
from embeddings.collaborative.least_squares import solve_side


def ids(prefix: str, n: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{i}" for i in range(n))


def small_confidence(n_users: int = 12, n_tracks: int = 9) -> sparse.csr_matrix:
    rng = np.random.default_rng(2)
    plays = rng.poisson(0.7, size=(n_users, n_tracks)).astype(float)
    return confidence(sparse.csr_matrix(plays), ConfidenceConfig(scheme="linear", alpha=4.0))


def dense_side(weights: np.ndarray, other: np.ndarray, ridges: np.ndarray) -> np.ndarray:
    rows = []
    for own, ridge in zip(weights, ridges, strict=True):
        c = np.where(own > 0, own, 1.0)
        system = (other.T * c) @ other + ridge * np.eye(other.shape[1])
        rows.append(np.linalg.solve(system, other.T @ (c * (own > 0))))
    return np.array(rows)


def loss(weights: np.ndarray, found: AlsFactors, ridge: float) -> float:
    confidences = np.where(weights > 0, weights, 1.0)
    errors = (weights > 0) - found.users.astype(float) @ found.tracks.T.astype(float)
    squares = sum(float((side.astype(float) ** 2).sum()) for side in (found.users, found.tracks))
    return float((confidences * errors**2).sum()) + ridge * squares


@pytest.mark.parametrize("dim", [2, 3, 30])  # below, about and above the entries of a row
@pytest.mark.parametrize("frequency", [0.0, 1.0])
def test_half_a_sweep_is_dense_least_squares(dim: int, frequency: float):
    matrix = small_confidence(40, 25)
    dense = matrix.toarray()
    dense[7] = 0.0
    matrix = sparse.csr_matrix(dense)
    other = np.random.default_rng(3).normal(size=(25, dim)).astype(np.float32)
    entries = np.diff(matrix.indptr)
    ridges = Ridge(0.3, frequency, 0.25, 40, 25).of_user(entries)
    np.testing.assert_allclose(ridges, 0.3 * (entries + 0.25 * 25) ** frequency)
    found = solve_side(matrix, other, ridges, threads=2)
    expected = dense_side(dense, other.astype(float), ridges)
    # float32 systems of condition some hundreds.
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert not found[7].any()


def test_the_fit_equals_dense_als_from_the_same_start():
    scheme = ConfidenceConfig(scheme="linear", alpha=4.0)
    config = AlsConfig(dim=3, iterations=4, regularization=0.5, frequency=0.8,
                       confidence=scheme, num_threads=1)  # fmt: skip
    matrix = small_confidence()
    assert np.diff(matrix.tocsc().indptr).all()
    ridge = ridge_of(config, 12, 9)
    start = np.random.default_rng(11).standard_normal((9, 3), dtype=np.float32)
    tracks = start.astype(np.float64) * 0.1 / np.sqrt(3)
    of_users = ridge.of_user(np.diff(matrix.indptr))
    of_tracks = ridge.of_track(np.diff(matrix.tocsc().indptr))
    for _ in range(config.iterations):
        users = dense_side(matrix.toarray(), tracks, of_users)
        tracks = dense_side(matrix.toarray().T, users, of_tracks)
    users = dense_side(matrix.toarray(), tracks, of_users)
    found = fit_als(matrix, ids("u", 12), ids("t", 9), config, seed=11)
    # Half-sweeps are solved in float32 and four sweeps compound its rounding.
    np.testing.assert_allclose(found.users, users, atol=1e-3)
    np.testing.assert_allclose(found.tracks, tracks, atol=1e-3)


def test_one_ridge_for_all_minimises_the_same_loss_as_exact_sweeps():
    matrix = small_confidence(60, 40)
    shared = {"dim": 4, "iterations": 60, "regularization": 2.0, "num_threads": 1}
    names = ids("u", 60), ids("t", 40)
    by_implicit = fit_als(matrix, *names, AlsConfig(**shared), seed=2)
    # So small a power is no power, but takes the other way.
    exactly = fit_als(matrix, *names, AlsConfig(**shared, frequency=1e-9), seed=2)
    losses = [loss(matrix.toarray(), found, 2.0) for found in (by_implicit, exactly)]
    # Both end in a minimum of a problem with several; theirs are within a thousandth here.
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_tracks_that_nobody_heard_have_no_factor():
    matrix = small_confidence().tolil()
    matrix[:, 4] = 0.0
    for frequency in (0.0, 1.0):
        config = AlsConfig(dim=3, frequency=frequency)
        found = fit_als(sparse.csr_matrix(matrix), ids("u", 12), ids("t", 9), config, seed=1)
        assert not found.tracks[4].any()
        assert found.tracks[3].any()


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


@pytest.mark.parametrize("frequency", [0.0, 1.0])
def test_folding_a_trained_listener_in_gives_their_factors_again(frequency: float):
    matrix = small_confidence()
    config = AlsConfig(dim=3, iterations=5, frequency=frequency)
    found = fit_als(matrix, ids("u", 12), ids("t", 9), config, seed=3)
    for user in range(12):
        own = matrix[user]
        folded = found.fold_in(own.indices.astype(np.int64), own.data)
        # The fit solves in float32, the fold-in in float64.
        np.testing.assert_allclose(folded, found.users[user], atol=1e-4)


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
