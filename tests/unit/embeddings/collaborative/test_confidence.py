"""Confidences by their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from core.errors import DataError
from embeddings.collaborative.confidence import ConfidenceConfig, confidence, confidence_of


@pytest.mark.parametrize(
    ("scheme", "epsilon", "expected"),
    [
        ("linear", 1.0, [3.0, 9.0]),
        ("log", 2.0, [1 + 2 * np.log(1.5), 1 + 2 * np.log(3.0)]),
        ("power", 0.5, [3.0, 5.0]),
        ("binary", 1.0, [3.0, 3.0]),
    ],
)
def test_each_scheme_is_its_formula(scheme, epsilon, expected):
    config = ConfidenceConfig(scheme=scheme, alpha=2.0, epsilon=epsilon)
    found = confidence_of(np.array([1.0, 4.0]), config)
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # float32


def test_the_matrix_keeps_its_places_and_drops_stored_zeros():
    plays = sparse.csr_matrix(np.array([[0, 2.0, 0], [1, 0, 5]]))
    plays.data[0] = 0.0
    found = confidence(plays, ConfidenceConfig(scheme="linear", alpha=1.0))
    np.testing.assert_allclose(found.toarray(), [[0, 0, 0], [2, 0, 6]])
    assert found.nnz == 2
    assert found.dtype == np.float32
    assert plays.nnz == 3, "the caller's matrix is left as it was"


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_a_broken_tally_is_refused_with_its_user(bad):
    plays = sparse.csr_matrix(np.array([[1.0, 0], [1, bad]]))
    with pytest.raises(DataError, match="user row 1"):
        confidence(plays, ConfidenceConfig())


def test_relative_confidence_compares_a_track_with_the_listeners_own():
    config = ConfidenceConfig(scheme="relative", alpha=3.0, epsilon=2.0)
    plays = sparse.csr_matrix([[np.e - 1, np.e**3 - 1, 0.0], [0.0, 0.0, 5.0], [0.0, 0.0, 0.0]])
    found = confidence(plays, config)
    # Logarithms 1 and 3 have the mean 2: shares 1/2 and 3/2; a single track is its own mean.
    np.testing.assert_allclose(found.data, [1 + 3 * 0.25, 1 + 3 * 2.25, 1 + 3], rtol=1e-6)
    np.testing.assert_array_equal(confidence_of(plays[0].data, config), found[0].data)
