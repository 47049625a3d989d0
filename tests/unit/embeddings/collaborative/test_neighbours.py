"""Item neighbours against a dense cosine."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from core.errors import ArtifactError, DataError
from embeddings.collaborative.neighbours import (
    ItemNeighbours,
    NeighboursConfig,
    fit_neighbours,
    weighted_plays,
)

N_USERS, N_TRACKS = 30, 14
IDS = tuple(f"t{i}" for i in range(N_TRACKS))


def some_plays() -> sparse.csr_matrix:
    plays = np.random.default_rng(4).poisson(0.5, size=(N_USERS, N_TRACKS)).astype(float)
    plays[:, 5] = 0  # a track nobody has played
    return sparse.csr_matrix(plays)


def dense_similarity(config: NeighboursConfig) -> np.ndarray:
    weighted = weighted_plays(some_plays(), config).toarray()
    norms = np.linalg.norm(weighted, axis=0)
    cosine = weighted.T @ weighted / np.maximum(np.outer(norms, norms), 1e-12)
    heard = (weighted > 0).astype(float)
    common = heard.T @ heard
    cosine *= common / np.maximum(common + config.shrinkage, 1e-12)
    np.fill_diagonal(cosine, 0)
    return cosine


@pytest.mark.parametrize("weighting", ["cosine", "tfidf", "bm25"])
@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
@pytest.mark.parametrize("block", [3, 100])
def test_similarities_equal_the_dense_cosine(weighting, shrinkage, block):
    config = NeighboursConfig(weighting=weighting, shrinkage=shrinkage, block_tracks=block)
    found = fit_neighbours(some_plays(), IDS, config).similarity.toarray()
    np.testing.assert_allclose(found, dense_similarity(config), atol=1e-6)  # kept as float32


def test_only_the_nearest_are_kept():
    config = NeighboursConfig(limit=3)
    dense = dense_similarity(config)
    found = fit_neighbours(some_plays(), IDS, config)
    assert found.similarity.has_sorted_indices
    for row in range(N_TRACKS):
        kept = found.similarity[row]
        best = np.sort(dense[row][dense[row] > 0])[::-1][:3]
        np.testing.assert_allclose(np.sort(kept.data)[::-1], best, atol=1e-6)
        near, scores = found.neighbours(row, 2)
        np.testing.assert_allclose(scores, best[:2], atol=1e-6)
        np.testing.assert_allclose(dense[row, near], best[:2], atol=1e-6)


def test_weights_of_bm25_and_tfidf_are_their_formulas():
    plays = sparse.csr_matrix(np.array([[4.0, 0, 0], [1, 1, 0]]))
    tfidf = weighted_plays(plays, NeighboursConfig(weighting="tfidf")).toarray()
    assert tfidf[0, 0] == pytest.approx(2 * (np.log(3) + 1))
    assert tfidf[1, 1] == pytest.approx(np.log(1.5) + 1)
    config = NeighboursConfig(weighting="bm25", bm25_k1=2.0, bm25_b=0.5)
    bm25 = weighted_plays(plays, config).toarray()
    bend = 2.0 * (0.5 + 0.5 * 4 / 3)  # the first listener played 4, the mean is 3
    assert bm25[0, 0] == pytest.approx(4 * 3 / (4 + bend) * (np.log(3) + 1))


def test_scores_of_a_history_are_a_weighted_sum_best_first():
    table = fit_neighbours(some_plays(), IDS, NeighboursConfig())
    history, weights = np.array([0, 3, 5]), np.array([1.0, -0.5, 2.0])
    rows, scores = table.scores(history, weights)
    expected = weights @ table.similarity[history].toarray()
    np.testing.assert_allclose(scores, expected[rows], atol=1e-6)
    assert np.all(np.diff(scores) <= 0)
    assert set(np.flatnonzero(expected)) <= set(rows.tolist())
    short, _ = table.scores(history, weights, limit=2)
    np.testing.assert_array_equal(short, rows[:2])


def test_a_history_without_neighbours_finds_nothing():
    table = fit_neighbours(some_plays(), IDS, NeighboursConfig())
    for history in ([5], []):
        rows, scores = table.scores(np.array(history, dtype=np.int64), np.ones(len(history)))
        assert len(rows) == len(scores) == 0


def test_a_checkerboard_separates_its_colours():
    board = (np.add.outer(np.arange(10), np.arange(8)) % 2 == 0).astype(float)
    table = fit_neighbours(sparse.csr_matrix(board), IDS[:8], NeighboursConfig())
    rows, _ = table.scores(np.array([0]), np.ones(1))
    assert rows.tolist() == [2, 4, 6]


def test_aligned_to_another_order_moves_both_sides():
    table = fit_neighbours(some_plays(), IDS, NeighboursConfig())
    order = ["t3", "new", "t0", "t7"]
    moved = table.aligned(order).similarity.toarray()
    dense = table.similarity.toarray()
    places = np.ix_([0, 2, 3], [0, 2, 3])
    np.testing.assert_array_equal(moved[places], dense[np.ix_([3, 0, 7], [3, 0, 7])])
    assert not moved[1].any()
    assert not moved[:, 1].any()
    assert table.aligned(list(IDS)) is table


def test_save_and_load_round_trip(tmp_path):
    table = fit_neighbours(some_plays(), IDS, NeighboursConfig())
    table.save(tmp_path)
    loaded = ItemNeighbours.load(tmp_path)
    assert loaded.track_ids == IDS
    np.testing.assert_array_equal(loaded.similarity.toarray(), table.similarity.toarray())
    rows, _ = loaded.scores(np.array([1]), np.ones(1))
    assert len(rows)
    np.save(tmp_path / "similarity.data.npy", np.ones(2, np.float32))
    with pytest.raises(ArtifactError, match="similarity"):
        ItemNeighbours.load(tmp_path)


def test_ids_must_fit_the_columns():
    with pytest.raises(DataError, match="14 columns for 2"):
        fit_neighbours(some_plays(), ("a", "b"), NeighboursConfig())
