from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ranking.sources.selection import best_of, best_rows

SCORES = st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0]), max_size=30)


@given(scores=SCORES, limit=st.integers(0, 40))
def test_the_best_rows_are_those_of_a_full_sort(scores: list[float], limit: int) -> None:
    values = np.array(scores, dtype=np.float32)
    allowed = [row for row in range(len(scores)) if scores[row] > -np.inf]
    expected = sorted(allowed, key=lambda row: (-scores[row], row))[:limit]
    assert best_rows(values, limit).tolist() == expected


@given(scores=SCORES, limit=st.integers(-1, 40))
def test_the_best_of_some_rows_are_those_of_a_full_sort(scores: list[float], limit: int) -> None:
    rows = np.arange(len(scores))[::-1] * 3
    found, theirs = best_of(rows, np.array(scores, dtype=np.float32), limit)
    score_of = dict(zip(rows.tolist(), scores, strict=True))
    assert found.tolist() == sorted(score_of, key=lambda r: (-score_of[r], r))[: max(limit, 0)]
    assert theirs.tolist() == [np.float32(score_of[row]) for row in found.tolist()]
