"""Folds: no label in two of them, all of nearly one size, the same for the same seed."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.audio_evaluation.folds import label_folds
from pipelines.audio_evaluation.labels import UNLABELLED

# The labels of 446 real recordings: 38 albums, of which 13 have fewer than four tracks.
SIZES = (63, 45, 43, 31, 28, 26, 19, 17, 17, 15, 14, 13, 10, 10, 9, 8, 8, 8, 5, 5, 4, 4, 4, 4, 4)
SMALL = (3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 1, 1)


def dealt(codes: np.ndarray, n_folds: int, seed: int = 0) -> np.ndarray:
    return label_folds(np.asarray(codes, dtype=np.int64), n_folds, np.random.default_rng(seed))


@given(
    st.lists(st.integers(UNLABELLED, 12), min_size=1, max_size=80),
    st.integers(2, 6),
    st.integers(0, 5),
)
def test_no_label_stands_in_two_folds(codes: list[int], n_folds: int, seed: int) -> None:
    labels = np.array(codes, dtype=np.int64)
    folds = dealt(labels, n_folds, seed)
    assert folds.shape == labels.shape
    assert ((folds >= 0) & (folds < n_folds)).all()
    for code in set(codes) - {UNLABELLED}:
        assert np.unique(folds[labels == code]).size == 1


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(2, 6))
def test_folds_differ_by_at_most_the_largest_label(codes: list[int], n_folds: int) -> None:
    sizes = np.bincount(dealt(np.array(codes), n_folds), minlength=n_folds)
    assert sizes.max() - sizes.min() <= np.bincount(codes).max()


def test_folds_of_real_albums_have_one_size_whatever_the_seed() -> None:
    codes = np.repeat(np.arange(38), SIZES + SMALL)
    for seed in range(10):
        sizes = np.bincount(dealt(codes, 5, seed))
        assert sizes.max() - sizes.min() <= 2


def test_tracks_without_a_label_are_dealt_one_by_one() -> None:
    folds = dealt(np.full(10, UNLABELLED), 5)
    assert np.bincount(folds).tolist() == [2, 2, 2, 2, 2]


def test_the_seed_decides() -> None:
    codes = np.repeat(np.arange(38), SIZES + SMALL)
    assert np.array_equal(dealt(codes, 5, 3), dealt(codes, 5, 3))
    together = {tuple(np.flatnonzero(dealt(codes, 5, s)[:200] == 0)) for s in range(6)}
    assert len(together) > 1
