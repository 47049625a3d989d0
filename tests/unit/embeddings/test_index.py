"""The vector index against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ArtifactError, DataError
from embeddings.index import IndexConfig, VectorIndex, build_index
from embeddings.vectors import unit_rows


def clustered(n: int, dim: int, clusters: int = 60, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(clusters, dim))
    points = middles[rng.integers(0, clusters, n)] + 0.4 * rng.normal(size=(n, dim))
    return unit_rows(points)


def exact(values: np.ndarray, queries: np.ndarray, limit: int) -> np.ndarray:
    return np.argsort(-(queries @ values.T), axis=1, kind="stable")[:, :limit]


def test_flat_equals_brute_force():
    values, queries = clustered(500, 16), clustered(20, 16, seed=2)
    rows, scores = build_index(values, IndexConfig(kind="flat")).search(queries, 10)
    np.testing.assert_array_equal(rows, exact(values, queries, 10))
    expected = np.take_along_axis(queries @ values.T, rows, axis=1)
    np.testing.assert_allclose(scores, expected, atol=1e-6)  # float32 sums in another order
    assert rows.dtype == np.int64
    assert scores.dtype == np.float32


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_approximate_kinds_find_what_is_near(kind, tmp_path):
    values, queries = clustered(6000, 32), clustered(100, 32, seed=2)
    index = build_index(values, IndexConfig(kind=kind, hnsw_build_width=64))
    rows, _ = index.search(queries, 10)
    truth = exact(values, queries, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(rows, truth, strict=True)])
    assert recall >= 0.95
    index.save(tmp_path)
    again, _ = VectorIndex.load(tmp_path).search(queries, 10)
    np.testing.assert_array_equal(again, rows)


def test_auto_is_flat_up_to_its_limit_and_approximate_above():
    values = clustered(300, 8)
    below = build_index(values, IndexConfig(flat_limit=300))
    above = build_index(values, IndexConfig(flat_limit=299))
    assert type(below.engine).__name__ == "IndexFlatIP"
    assert type(above.engine).__name__ == "IndexIVFFlat"


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
def test_rows_of_zeros_are_left_out_and_rows_keep_their_numbers(kind):
    values = clustered(200, 8)
    values[::2] = 0
    rows, scores = build_index(values, IndexConfig(kind=kind)).search(values[1:2], 150)
    found = rows[0][rows[0] >= 0]
    assert rows[0, 0] == 1
    assert np.all(found % 2 == 1)
    assert np.isnan(scores[0][rows[0] == -1]).all()
    assert len(set(found.tolist())) == len(found)


def test_a_query_of_zeros_finds_nothing_and_short_answers_are_padded():
    index = build_index(clustered(3, 8), IndexConfig())
    rows, scores = index.search(np.zeros((1, 8), np.float32), 5)
    assert rows.tolist() == [[-1] * 5]
    assert np.isnan(scores).all()
    rows, _ = index.search(clustered(1, 8), 5)
    assert sorted(rows[0].tolist()) == [-1, -1, 0, 1, 2]


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
def test_an_index_of_nothing_answers(kind, tmp_path):
    index = build_index(np.zeros((4, 8), np.float32), IndexConfig(kind=kind))
    index.save(tmp_path)
    rows, _ = VectorIndex.load(tmp_path).search(clustered(2, 8), 3)
    assert np.all(rows == -1)


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_the_same_vectors_make_the_same_index(kind, tmp_path):
    values = clustered(1500, 16)
    for name in "ab":
        build_index(values, IndexConfig(kind=kind)).save(tmp_path / name)
    first, second = ((tmp_path / name / "index.faiss").read_bytes() for name in "ab")
    assert first == second


def test_wrong_input_is_refused(tmp_path):
    values = clustered(10, 8)
    index = build_index(values, IndexConfig())
    with pytest.raises(ValueError, match=r"\(q, 8\)"):
        index.search(np.ones((1, 9), np.float32), 3)
    values[4, 2] = np.nan
    with pytest.raises(DataError, match="row 4"):
        build_index(values, IndexConfig())
    index.save(tmp_path)
    (tmp_path / "index.faiss").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match=r"index\.faiss"):
        VectorIndex.load(tmp_path)
