"""The linear map, against dense least squares."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.bridge.examples import examples_of
from embeddings.bridge.ridge import fit_ridge, fit_ridges, held_out_ridges

RNG = np.random.default_rng(3)


def examples(n: int = 60, dim: int = 5, k: int = 3, *, exact: bool = False):
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((n, dim)).astype(np.float32)
    noise = 0 if exact else rng.standard_normal((n, k))
    factors = (vectors @ rng.standard_normal((dim, k)) + 2 + noise).astype(np.float32)
    users = rng.standard_normal((40, k)).astype(np.float32)
    return examples_of(vectors, factors, users, rng.uniform(0.5, 2, n), 5, rng)


@pytest.mark.parametrize("strength", [0.01, 1.0, 30.0])
def test_it_is_weighted_least_squares_with_a_free_mean(strength: float) -> None:
    known = examples()
    n, dim = known.vectors.shape
    root = np.sqrt(known.weights)[:, None]
    # The constant column is not shrunk: its row of the penalty is zero.
    design = np.vstack(
        [
            root * np.column_stack([known.vectors, np.ones(n)]),
            np.sqrt(strength) * np.eye(dim, dim + 1),
        ]
    )
    wanted = np.vstack([root * known.factors, np.zeros((dim, known.factors.shape[1]))])
    expected = np.linalg.lstsq(design, wanted, rcond=None)[0]
    found = fit_ridge(known, strength)
    np.testing.assert_allclose(found.weights, expected[:-1], atol=1e-9)
    np.testing.assert_allclose(found.bias, expected[-1], atol=1e-9)


def test_a_linear_world_is_found_and_a_heavy_ridge_leaves_the_mean() -> None:
    known = examples(exact=True)
    close, flat = fit_ridges(known, (1e-9, 1e12))
    # The factors are float32.
    np.testing.assert_allclose(close.predict(known.vectors), known.factors, atol=1e-5)
    mean = known.weights @ known.factors / known.weights.sum()
    np.testing.assert_allclose(flat.predict(known.vectors), np.tile(mean, (60, 1)), atol=1e-6)


def test_a_held_out_prediction_does_not_depend_on_the_tracks_own_factor() -> None:
    known = examples()
    before = held_out_ridges(known, (1.0,))[0]
    known.factors[7] += 100
    after = held_out_ridges(known, (1.0,))[0]
    same = known.folds == known.folds[7]
    np.testing.assert_array_equal(after[same], before[same])
    assert np.abs(after[~same] - before[~same]).max() > 1


def test_an_error_is_as_long_as_listeners_see_it() -> None:
    rng = np.random.default_rng(0)
    users = rng.standard_normal((30, 3)).astype(np.float32)
    factors = rng.standard_normal((8, 3)).astype(np.float32)
    known = examples_of(factors, factors, users, np.ones(8), 2, rng)
    missed = rng.standard_normal((8, 3))
    moved = ((users @ missed.T) ** 2).sum(axis=0) / 30
    np.testing.assert_allclose(known.errors(known.factors + missed), moved, rtol=1e-5)


def test_every_fold_has_its_share() -> None:
    assert np.bincount(examples(n=62).folds).tolist() == [13, 13, 12, 12, 12]
