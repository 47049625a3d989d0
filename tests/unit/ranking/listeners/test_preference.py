from __future__ import annotations

import numpy as np

from ranking.listeners.preference import (
    FINISH_BONUS,
    LIKE_BONUS,
    SKIP_COST,
    weigh,
)


def weight(plays: float = 0, finishes: float = 0, skips: float = 0, opinion: int = 0) -> float:
    columns = [np.array([value], dtype=np.float32) for value in (plays, finishes, skips)]
    return float(weigh(*columns, np.array([opinion], dtype=np.int8))[0])


def test_plays_alone_weigh_what_they_count() -> None:
    assert [weight(plays=count) for count in (1, 7, 4000)] == [1, 7, 4000]


def test_a_finish_says_more_than_a_play_and_a_like_more_than_both() -> None:
    assert weight(plays=2, finishes=1) == 2 + FINISH_BONUS
    assert weight(finishes=2) == 2 + 2 * FINISH_BONUS
    assert weight(opinion=1) == 1 + LIKE_BONUS
    assert weight(plays=1, opinion=1) == 1 + LIKE_BONUS


def test_skips_take_back_and_never_below_nothing() -> None:
    assert weight(plays=4, skips=2) == 4 - 2 * SKIP_COST
    assert weight(skips=3) == 0


def test_what_was_turned_down_weighs_nothing() -> None:
    assert weight(plays=100, finishes=50, opinion=-1) == 0
