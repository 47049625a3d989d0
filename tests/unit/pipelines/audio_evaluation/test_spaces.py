"""Every encoder is judged in the same shape; the baseline gets its own scales."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ConfigError
from pipelines.audio_evaluation import baselines
from pipelines.audio_evaluation.baselines import require_baselines, standardised
from pipelines.audio_evaluation.spaces import Space


def test_statistics_are_scaled_by_the_gallery_that_is_searched() -> None:
    values = np.random.default_rng(0).normal(loc=100, scale=[1, 1000], size=(40, 2))
    rows = np.arange(10, 30)
    vectors = Space("mfcc", values, is_raw=True).gallery(rows)
    part = (values[rows] - values[rows].mean(axis=0)) / values[rows].std(axis=0)
    assert vectors == pytest.approx(part / np.linalg.norm(part, axis=1, keepdims=True), abs=1e-6)
    assert np.abs(vectors).mean(axis=0) == pytest.approx([0.6, 0.6], abs=0.15)  # neither rules


def test_a_statistic_that_never_moves_counts_for_nothing() -> None:
    vectors = standardised(np.column_stack([np.full(5, 3.0), np.arange(5.0)]))
    assert vectors[:, 0].tolist() == [0.0] * 5


def test_vectors_are_taken_as_they_are() -> None:
    values = np.eye(4, dtype=np.float32)
    assert np.array_equal(Space("segue", values).gallery(np.array([2, 0])), values[[2, 0]])


def test_an_absent_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "_NEEDED", ("librosa", "no_such_library"))
    with pytest.raises(ConfigError, match=r"no_such_library .*segue\[evaluation\]"):
        require_baselines()
