"""The autoencoder against the regressions it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from core.errors import DataError
from embeddings.collaborative.autoencoder import (
    AutoencoderConfig,
    closed_form_inverse,
    fit_autoencoder,
)
from embeddings.collaborative.confidence import relative

N_USERS, N_TRACKS = 60, 15
IDS = tuple(f"t{i}" for i in range(N_TRACKS))
EVERYTHING = AutoencoderConfig(ridge=7.0, min_listeners=1, tag_weight=2.0, limit=N_TRACKS)


def plays() -> sparse.csr_matrix:
    return sparse.csr_matrix(np.random.default_rng(1).poisson(0.6, (N_USERS, N_TRACKS)) * 1.0)


def tags() -> sparse.csr_matrix:
    values = (np.random.default_rng(2).random((N_TRACKS, 4)) < 0.4) * 1.0
    return sparse.csr_matrix(values / np.maximum(np.linalg.norm(values, axis=1), 1)[:, None])


def regressions(ridge: float) -> np.ndarray:
    """Return B, each column one ridge regression of a track on all the others."""
    counted = plays()
    counted.data = relative(counted.data, counted.indptr)
    inputs = np.vstack([counted.toarray(), 2.0 * tags().toarray().T])
    weights = np.zeros((N_TRACKS, N_TRACKS))
    for track in range(N_TRACKS):
        others = np.delete(np.arange(N_TRACKS), track)
        left = np.vstack([inputs[:, others], np.sqrt(ridge) * np.eye(N_TRACKS - 1)])
        right = np.concatenate([inputs[:, track], np.zeros(N_TRACKS - 1)])
        weights[others, track] = np.linalg.lstsq(left, right, rcond=None)[0]
    return weights


@pytest.mark.parametrize("closed_form_tracks", [100, 0])
def test_both_ways_are_the_ridge_regression_of_each_track_on_the_others(closed_form_tracks: int):
    # With every track in the neighbourhood the restricted way has nothing to leave out.
    config = EVERYTHING.model_copy(update={"closed_form_tracks": closed_form_tracks})
    found = fit_autoencoder(plays(), tags(), IDS, config).similarity.toarray()
    # The inverse is in float32.
    np.testing.assert_allclose(found, regressions(7.0), atol=1e-5)
    assert not found.diagonal().any()
    assert (found < -1e-3).any()


def test_the_inverse_by_blocks_is_the_inverse(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("embeddings.collaborative.autoencoder.BLOCK", 4)
    inputs = sparse.csr_matrix(plays(), dtype=np.float32)
    dense = inputs.toarray().astype(float)
    expected = np.linalg.inv(dense.T @ dense + 3.0 * np.eye(N_TRACKS))
    np.testing.assert_allclose(closed_form_inverse(inputs, 3.0), expected, atol=1e-6)


def test_the_largest_weights_of_each_track_are_kept():
    whole = np.abs(regressions(7.0))
    config = EVERYTHING.model_copy(update={"limit": 5})
    found = fit_autoencoder(plays(), tags(), IDS, config).similarity.toarray()
    for track in range(N_TRACKS):
        kept = np.flatnonzero(found[:, track])
        assert set(kept) == set(np.argsort(-whole[:, track])[:5])


def test_tracks_with_few_listeners_take_no_part():
    heard = plays().toarray()
    heard[:, 3] = 0.0
    heard[:2, 3] = 1.0
    config = EVERYTHING.model_copy(update={"min_listeners": 3})
    found = fit_autoencoder(sparse.csr_matrix(heard), tags(), IDS, config).similarity.toarray()
    assert not found[3].any()
    assert not found[:, 3].any()
    assert found[:3].any()
    empty = fit_autoencoder(sparse.csr_matrix((2, N_TRACKS)), tags(), IDS, config)
    assert empty.similarity.nnz == 0


def test_matrices_of_another_catalogue_are_refused():
    with pytest.raises(DataError, match="same catalogue"):
        fit_autoencoder(plays(), tags()[:3], IDS, EVERYTHING)
