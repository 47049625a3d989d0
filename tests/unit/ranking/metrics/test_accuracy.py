"""Accuracy metrics against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.metrics.accuracy import ndcg, recall, reciprocal_rank

hit_lists = st.lists(st.booleans(), max_size=30).map(lambda found: np.array(found, dtype=bool))


def by_definition(hits: np.ndarray, n_relevant: int, k: int) -> float:
    gained = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(hits[:k]) if hit)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(k, n_relevant)))
    return gained / ideal


@given(hit_lists, st.integers(0, 20), st.integers(1, 25))
def test_ndcg_equals_its_definition(hits: np.ndarray, missed: int, k: int) -> None:
    n_relevant = int(hits.sum()) + missed
    if n_relevant == 0:
        assert math.isnan(ndcg(hits, 0, k))
        return
    # Sums of at most 25 terms of order one differ by rounding only.
    assert ndcg(hits, n_relevant, k) == pytest.approx(by_definition(hits, n_relevant, k), abs=1e-12)


def test_ndcg_of_a_list_worked_by_hand() -> None:
    # Hits at ranks 1 and 3 of three relevant: (1 + 1/2) / (1 + 1/log2(3) + 1/2).
    hits = np.array([True, False, True, False])
    assert ndcg(hits, 3, 10) == pytest.approx(1.5 / (1.5 + 1 / math.log2(3)))


@given(hit_lists, st.integers(1, 25))
def test_moving_a_hit_up_never_lowers_ndcg(hits: np.ndarray, k: int) -> None:
    if not hits.any():
        return
    better = np.sort(hits)[::-1]
    assert ndcg(better, int(hits.sum()), k) >= ndcg(hits, int(hits.sum()), k) - 1e-12


def test_recall_counts_what_was_found_of_all_there_was() -> None:
    hits = np.array([True, False, True, True])
    assert recall(hits, 5, 3) == pytest.approx(2 / 5)
    assert recall(hits, 5, 100) == pytest.approx(3 / 5)


def test_reciprocal_rank_looks_at_the_first_hit_only() -> None:
    assert reciprocal_rank(np.array([False, False, True, True]), 2) == pytest.approx(1 / 3)
    assert reciprocal_rank(np.array([False, False]), 2) == 0.0
    assert math.isnan(reciprocal_rank(np.array([False]), 0))
