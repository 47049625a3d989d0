from __future__ import annotations

import numpy as np

from ranking.policies.diversity import marginal, relevance
from ranking.policies.generated import generated_cap
from ranking.policies.spacing import EMPTY_SLOT, spaced, too_close

PAGE = np.array([7, EMPTY_SLOT, EMPTY_SLOT, EMPTY_SLOT, 9])


def near(position: int, gap: int, before: list[int] | None = None) -> set[int]:
    found = too_close(PAGE, np.array(before or [], dtype=np.int64), position, gap)
    return set(found.tolist()) - {EMPTY_SLOT}


def test_creators_in_reach_on_either_side_are_too_close() -> None:
    assert near(1, gap=2) == {7}
    assert near(2, gap=3) == {7, 9}
    assert near(2, gap=2) == set()
    assert near(3, gap=2) == {9}
    assert near(2, gap=1) == set()


def test_the_end_of_the_last_page_is_remembered() -> None:
    assert near(1, gap=4, before=[5, 6, 3]) == {7, 9, 5, 6}
    assert near(3, gap=3, before=[5, 6]) == {9}


def test_an_unknown_creator_is_never_too_close() -> None:
    creators = np.array([7, -1, 8])
    assert spaced(creators, np.array([7, -1])).tolist() == [False, True, True]


def test_relevance_keeps_the_order_and_runs_from_one_to_zero() -> None:
    scores = np.array([9.0, 5.0, 1.0, -400.0], dtype=np.float32)
    np.testing.assert_allclose(relevance(scores, 20)[[0, 3]], [1, 0])
    np.testing.assert_allclose(
        relevance(np.repeat(scores, 2), 1), [1, 1, 0, 0, -1, -1, -101.25, -101.25]
    )
    assert relevance(np.full(3, 2, np.float32), 1).tolist() == [1, 1, 1]
    assert relevance(np.empty(0, np.float32), 5).size == 0


def test_marginal_relevance_is_its_definition_and_zero_keeps_the_scores() -> None:
    relevant, nearest = np.array([1, 0.5], np.float32), np.array([0.9, -0.2], np.float32)
    assert marginal(relevant, nearest, 0.0) is relevant
    np.testing.assert_allclose(marginal(relevant, nearest, 0.3), [0.43, 0.41], rtol=1e-6)


def test_the_cap_is_a_share_of_the_slots() -> None:
    assert [generated_cap(size, 0.3) for size in (10, 9, 3, 0)] == [3, 2, 0, 0]
    assert generated_cap(10, 1.0) == 10
