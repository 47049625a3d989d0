"""Folding in against dense least squares, and against `implicit`."""

from __future__ import annotations

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from core.errors import ArtifactError, DataError
from embeddings.collaborative.confidence import ConfidenceConfig
from embeddings.collaborative.factors import AlsFactors, Ridge


def some_factors(n_tracks: int = 40, dim: int = 6, ridge: float = 0.7) -> AlsFactors:
    rng = np.random.default_rng(5)
    users = rng.normal(size=(3, dim)).astype(np.float32)
    tracks = rng.normal(size=(n_tracks, dim)).astype(np.float32)
    ids = tuple(f"t{i}" for i in range(n_tracks))
    scheme = ConfidenceConfig(scheme="linear", alpha=3.0)
    return AlsFactors(("a", "b", "c"), ids, users, tracks, Ridge(ridge), scheme)


def dense_solution(factors: AlsFactors, rows: np.ndarray, signed: np.ndarray) -> np.ndarray:
    """Minimise sum c (p - x y)^2 + ridge |x|^2 over all tracks as one stacked least squares."""
    n = len(factors.track_ids)
    weight, wanted = np.ones(n), np.zeros(n)
    weight[rows], wanted[rows] = np.abs(signed), signed > 0
    scaled = np.sqrt(weight)[:, None] * factors.tracks.astype(np.float64)
    ridge = np.sqrt(float(factors.ridge.of_user(len(rows)))) * np.eye(factors.dim)
    left = np.vstack([scaled, ridge])
    right = np.concatenate([np.sqrt(weight) * wanted, np.zeros(factors.dim)])
    return np.linalg.lstsq(left, right, rcond=None)[0]


ROWS = np.array([2, 7, 30])


@pytest.mark.parametrize("signed", [[3.0, 11.0, 1.5], [3.0, -4.0, 1.5], [-2.0, -2.0, -2.0]])
def test_fold_in_is_the_least_squares_solution(signed):
    factors, signed = some_factors(), np.array(signed)
    found = factors.fold_in(ROWS, signed)
    # The solve is in float64; what is left is the float32 of the answer.
    np.testing.assert_allclose(found, dense_solution(factors, ROWS, signed), atol=1e-6)


@pytest.mark.parametrize("signed", [[3.0, 11.0, 1.5], [3.0, -4.0, 1.5]])
def test_fold_in_is_what_implicit_would_recalculate(signed):
    factors = some_factors()
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(factors=6, regularization=0.7, num_threads=1)
        model.item_factors = factors.tracks
        liked = sparse.csr_matrix((signed, ([0, 0, 0], ROWS)), shape=(1, 40))
        expected = model.recalculate_user(0, liked)
    found = factors.fold_in(ROWS, np.array(signed))
    np.testing.assert_allclose(found, expected, atol=1e-4)  # implicit solves in float32


def test_the_ridge_of_a_fold_in_grows_with_what_is_known():
    rng = np.random.default_rng(5)
    tracks = rng.normal(size=(40, 6)).astype(np.float32)
    ids = tuple(f"t{i}" for i in range(40))
    ridge = Ridge(weight=0.2, frequency=1.0, unobserved=0.1, n_users=3, n_tracks=40)
    factors = AlsFactors((), ids, np.zeros((0, 6), np.float32), tracks, ridge)
    plain = AlsFactors((), ids, factors.users, tracks, Ridge(0.2 * (3 + 0.1 * 40)))
    signed = np.array([3.0, 11.0, 1.5])
    np.testing.assert_array_equal(factors.fold_in(ROWS, signed), plain.fold_in(ROWS, signed))


def test_fold_in_of_nothing_is_zero():
    assert not some_factors().fold_in(np.empty(0, np.int64), np.empty(0)).any()


def test_fold_in_without_a_ridge_and_with_fewer_tracks_than_factors_is_finite():
    tracks = np.eye(6, dtype=np.float32)[:2]
    factors = AlsFactors((), ("t0", "t1"), np.empty((0, 6), np.float32), tracks, Ridge(0.0))
    found = factors.fold_in(np.array([0]), np.array([5.0]))
    np.testing.assert_allclose(found, [1, 0, 0, 0, 0, 0], atol=1e-9)


def test_save_and_load_round_trip(tmp_path):
    factors = some_factors()
    factors.save(tmp_path)
    loaded = AlsFactors.load(tmp_path)
    assert (loaded.user_ids, loaded.track_ids) == (factors.user_ids, factors.track_ids)
    assert loaded.ridge == factors.ridge
    assert loaded.confidence == factors.confidence
    np.testing.assert_array_equal(loaded.tracks, factors.tracks)
    np.testing.assert_array_equal(loaded.gram, factors.gram)
    assert isinstance(loaded.tracks.base, np.memmap)
    (tmp_path / "factors.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"factors\.json"):
        AlsFactors.load(tmp_path)


def test_aligned_leaves_zeros_for_unknown_tracks():
    factors = some_factors()
    found = factors.aligned(["t5", "nobody"])
    np.testing.assert_array_equal(found, [factors.tracks[5], np.zeros(6)])
    assert factors.aligned(factors.track_ids) is factors.tracks


def test_values_that_are_not_finite_are_refused():
    bad = np.full((1, 2), np.nan, dtype=np.float32)
    with pytest.raises(DataError, match="not finite"):
        AlsFactors(("a",), ("t",), bad, bad, Ridge(1.0))
