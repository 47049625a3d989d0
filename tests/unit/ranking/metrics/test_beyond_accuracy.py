"""Coverage and novelty on cases small enough to count."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.metrics.beyond_accuracy import coverage, coverage_without, novelty, surprisal


def test_coverage_counts_distinct_tracks_and_ignores_padding() -> None:
    lists = np.array([[0, 1, -1], [1, 2, -1]])
    assert coverage(lists, 6) == pytest.approx(3 / 6)
    assert coverage(np.array([[-1, -1]]), 6) == 0.0
    assert coverage(np.empty((0, 3), dtype=np.int64), 0) == 0.0


def test_coverage_without_a_listener_is_counted_anew() -> None:
    lists = np.random.default_rng(4).integers(-1, 30, size=(12, 5))
    lists = np.array([np.pad(np.unique(row), (0, 5), constant_values=-1)[:5] for row in lists])
    expected = [coverage(np.delete(lists, user, axis=0), 30) for user in range(12)]
    np.testing.assert_allclose(coverage_without(lists, 30), expected)


def test_a_track_half_the_listeners_know_is_one_bit() -> None:
    bits = surprisal(np.array([50.0, 25.0, 0.0, 100.0], dtype=np.float32), 100)
    # Nobody's track counts as half a listener's: 1/200.
    np.testing.assert_allclose(bits, [1.0, 2.0, np.log2(200), 0.0])
    assert novelty(np.array([0, 1, -1]), bits) == pytest.approx(1.5)
    assert np.isnan(novelty(np.array([-1]), bits))
