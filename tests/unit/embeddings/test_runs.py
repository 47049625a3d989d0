from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embeddings.runs import spans

RUNS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=20)


@given(RUNS)
def test_runs_stand_end_to_end(runs: list[tuple[int, int]]) -> None:
    low, counts = (np.array([run[at] for run in runs], dtype=np.int64) for at in (0, 1))
    expected = [number for first, count in runs for number in range(first, first + count)]
    assert spans(low, counts).tolist() == expected
