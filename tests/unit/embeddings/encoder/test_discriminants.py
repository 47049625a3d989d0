"""Discriminants: the direction that tells tracks apart, against a plain eigenproblem."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from embeddings.encoder.discriminants import SQUASH, fit_discriminants


def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    found = rng.normal(size=(200, 4, 3)) * [5.0, 1.0, 1.0]
    found[:, :, 1] += 3 * rng.normal(size=(200, 1))
    return found


def test_the_strongest_direction_tells_tracks_apart():
    found = fit_discriminants(features(), 2, shrinkage=0.01)
    np.testing.assert_allclose(found.mean, features().mean(axis=(0, 1)))
    strongest = np.abs(found.directions[:, 0])
    assert strongest.argmax() == 1
    assert strongest[1] > 10 * max(strongest[0], strongest[2])


def test_directions_solve_the_generalised_eigenproblem():
    raw = features()
    found = fit_discriminants(raw, 3, shrinkage=0.5)
    squashed = SQUASH * np.tanh((raw - found.mean) / found.scale / SQUASH)
    middle = squashed.mean(axis=1)
    np.testing.assert_allclose(found.centre, middle.mean(axis=0))
    within = np.cov((squashed - middle[:, None]).reshape(-1, 3).T, bias=True)
    between = np.cov(middle.T, bias=True)
    ridged = within + 0.5 * np.trace(within) / 3 * np.eye(3)
    values = np.sort(linalg.eigvals(between, ridged).real)[::-1]
    for value, direction in zip(values, found.directions.T, strict=True):
        # The constant beside the ridge is 1e-6.
        np.testing.assert_allclose(between @ direction, value * ridged @ direction, atol=1e-4)


def test_an_outlier_counts_for_little_more_than_two_deviations():
    calm, wild = features(), features()
    wild[0, 0, 2] = 1e3
    ours = fit_discriminants(calm, 1, shrinkage=0.1).directions[:, 0]
    theirs = fit_discriminants(wild, 1, shrinkage=0.1).directions[:, 0]
    assert ours @ theirs > 0.99 * np.linalg.norm(ours) * np.linalg.norm(theirs)


def test_what_a_change_does_counts_for_less():
    raw = features()
    raw[:, :, 0] += 6 * np.random.default_rng(1).normal(size=(200, 1))
    before = raw[:50, 0]
    after = before + np.random.default_rng(2).normal(size=(50, 1)) * [20.0, 0.0, 0.0]
    free = fit_discriminants(raw, 1, shrinkage=0.1).directions[:, 0]
    bound = fit_discriminants(raw, 1, shrinkage=0.1, changed=(before, after)).directions[:, 0]
    assert np.abs(bound[0]) < 0.9 * np.abs(free[0])
    assert np.abs(bound[1]) > 0.9 * np.abs(free[1])
