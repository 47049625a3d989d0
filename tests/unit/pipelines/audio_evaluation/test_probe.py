"""The probe reads what is there and no more."""

from __future__ import annotations

import numpy as np

from pipelines.audio_evaluation.probe import probe

CODES = np.repeat(np.arange(5), 8)


def test_a_label_that_lies_in_one_direction_is_told() -> None:
    vectors = np.eye(5)[CODES] + 0.05 * np.random.default_rng(0).normal(size=(40, 5))
    assert probe(vectors, CODES, seed=1).tolist() == [1.0] * 40


def test_noise_tells_no_label() -> None:
    right = [
        probe(np.random.default_rng(seed).normal(size=(40, 8)), CODES, seed).mean()
        for seed in range(4)
    ]
    # Chance is 0.2; 160 outcomes have a standard error of 0.03. A probe that saw what it is
    # judged on would tell most of them.
    assert np.mean(right) < 0.32


def test_four_tracks_a_label_are_enough() -> None:
    codes = np.repeat(np.arange(3), 4)
    assert probe(np.eye(3)[codes], codes, seed=2**40).tolist() == [1.0] * 12


def test_one_label_cannot_be_told_from_others() -> None:
    assert np.isnan(probe(np.ones((4, 2)), np.zeros(4, np.int64), seed=0)).all()


def test_the_seed_decides() -> None:
    vectors = np.eye(5)[CODES] + np.random.default_rng(0).normal(size=(40, 5))
    assert np.array_equal(probe(vectors, CODES, 3), probe(vectors, CODES, 3))
