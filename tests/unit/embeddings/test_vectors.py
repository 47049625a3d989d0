"""Track vectors: unit rows, aligned to other ids, and refused when they are not what they say."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ArtifactError, DataError
from embeddings.vectors import TrackVectors, unit_rows


def some_vectors(n: int = 5, dim: int = 8) -> TrackVectors:
    values = unit_rows(np.random.default_rng(3).normal(size=(n, dim)))
    return TrackVectors(tuple(f"t{i}" for i in range(n)), values)


def test_unit_rows_have_norm_one_and_zero_stays_zero():
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0], [1e-30, 0.0]]))
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [1, 0]], atol=1e-7)  # float32 rounding


def test_aligned_reorders_and_leaves_zeros_for_unknown_tracks():
    vectors = some_vectors()
    found = vectors.aligned(["t3", "nobody", "t0", "t3"])
    np.testing.assert_array_equal(found[0], vectors.values[3])
    np.testing.assert_array_equal(found[1], np.zeros(8))
    np.testing.assert_array_equal(found[2], vectors.values[0])
    np.testing.assert_array_equal(found[3], vectors.values[3])


def test_aligned_to_its_own_ids_copies_nothing():
    vectors = some_vectors()
    assert vectors.aligned(list(vectors.track_ids)) is vectors.values


def test_save_and_load_give_the_same_rows_without_reading_them(tmp_path):
    vectors = some_vectors()
    vectors.save(tmp_path / "new")
    loaded = TrackVectors.load(tmp_path / "new")
    assert loaded.track_ids == vectors.track_ids
    np.testing.assert_array_equal(loaded.values, vectors.values)
    assert isinstance(loaded.values.base, np.memmap)
    assert not loaded.values.flags.writeable


def test_an_empty_catalogue_is_kept(tmp_path):
    empty = TrackVectors((), np.empty((0, 4), dtype=np.float32))
    empty.save(tmp_path)
    assert TrackVectors.load(tmp_path).dim == 4
    assert empty.aligned(["a"]).shape == (1, 4)


@pytest.mark.parametrize(
    ("values", "ids", "words"),
    [
        (np.ones((2, 4), np.float32), ("a", "b"), "norm 2"),
        (np.full((2, 4), np.nan, np.float32), ("a", "b"), "'a' has norm nan"),
        (np.full((2, 4), 0.5, np.float32), ("a", "a"), "more than once"),
        (np.full((2, 4), 0.5, np.float32), ("a",), "1 track ids for 2"),
        (np.full((2, 4), 0.5, np.float64), ("a", "b"), "float64"),
        (np.full(4, 0.5, np.float32), ("a", "b", "c", "d"), "give float32 (n, dim)"),
    ],
)
def test_what_is_not_a_set_of_unit_vectors_is_refused(values, ids, words):
    with pytest.raises(DataError) as caught:
        TrackVectors(ids, values)
    assert words in str(caught.value)


def test_a_cut_file_is_an_artifact_error_that_names_it(tmp_path):
    some_vectors().save(tmp_path)
    whole = (tmp_path / "values.npy").read_bytes()
    (tmp_path / "values.npy").write_bytes(whole[:-10])
    with pytest.raises(ArtifactError, match=r"values\.npy"):
        TrackVectors.load(tmp_path)
    (tmp_path / "ids.parquet").unlink()
    with pytest.raises(ArtifactError, match=r"ids\.parquet"):
        TrackVectors.load(tmp_path)
