from __future__ import annotations

import numpy as np
import pytest

from ranking.merging import merge, no_candidates
from ranking.model import one_source

SOURCES = ("first", "second", "third")


def offer(name: str, *rows: int):
    scores = np.linspace(9, 1, len(rows), dtype=np.float32)
    return one_source(name, np.array(rows, dtype=np.int64), scores)


def test_a_union_is_scored_by_reciprocal_ranks() -> None:
    found = merge([offer("third", 7, 2), offer("first", 2, 5, 7)], SOURCES)
    expected = {2: 1 / 61 + 1 / 60, 7: 1 / 60 + 1 / 62, 5: 1 / 61}
    assert found.rows.tolist() == [2, 7, 5]
    np.testing.assert_allclose(found.scores, [expected[row] for row in (2, 7, 5)], rtol=1e-6)
    assert found.sources == SOURCES
    nan = np.nan
    np.testing.assert_array_equal(found.source_ranks, [[0, nan, 1], [2, nan, 0], [1, nan, nan]])
    np.testing.assert_array_equal(found.source_scores, [[9, nan, 1], [1, nan, 9], [5, nan, nan]])


def test_the_order_of_offers_plays_no_part() -> None:
    offers = [offer("first", 3, 1, 4), offer("second", 1, 5), offer("third", 9, 2, 6)]
    straight, reverse = merge(offers, SOURCES), merge(offers[::-1], SOURCES)
    assert straight.rows.tolist() == reverse.rows.tolist()
    np.testing.assert_array_equal(straight.source_ranks, reverse.source_ranks)


@pytest.mark.parametrize("offers", [[], [offer("first")]])
def test_nothing_offered_keeps_the_columns(offers: list) -> None:
    found = merge(offers, SOURCES)
    assert found.source_ranks.shape == no_candidates(SOURCES).source_ranks.shape == (0, 3)
    assert found.rows.dtype == np.int64
