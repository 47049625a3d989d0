"""Rank-biased overlap against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.metrics.agreement import rank_biased_overlap

LISTS = st.permutations(range(12)).map(lambda rows: np.array(rows, dtype=np.int64))


def test_the_ends_of_the_scale_and_a_value_by_hand() -> None:
    a = np.array([1, 2, 3])
    assert rank_biased_overlap(a, a, 3) == pytest.approx(1.0)
    assert rank_biased_overlap(a, a + 10, 3) == 0.0
    assert rank_biased_overlap(np.array([], dtype=int), np.array([], dtype=int), 5) == 1.0
    # Agreements at depths 1, 2, 3 are 0, 1 and 1; p = 0.5: 1/8 + 1 * (1/4 + 1/8).
    assert rank_biased_overlap(a, np.array([2, 1, 3]), 3, p=0.5) == pytest.approx(0.5)


@given(LISTS, LISTS)
def test_it_is_symmetric_within_its_scale_and_weighs_the_top(a: np.ndarray, b: np.ndarray) -> None:
    found = rank_biased_overlap(a, b, 10)
    assert found == pytest.approx(rank_biased_overlap(b, a, 10))
    assert -1e-12 <= found <= 1 + 1e-12
    first, last = a.copy(), a.copy()
    first[[0, 1]] = first[[1, 0]]
    last[[8, 9]] = last[[9, 8]]
    assert rank_biased_overlap(a, first, 10) < rank_biased_overlap(a, last, 10)
