from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.randomness import generator
from ranking.policies.fresh import (
    FreshSlotsConfig,
    draw,
    fresh_count,
    fresh_positions,
    odds,
    taste_scores,
)


@pytest.mark.parametrize(
    ("size", "available", "share", "count"),
    [
        (20, 99, 0.1, 2),
        (10, 99, 0.1, 1),
        (10, 99, 0.01, 1),
        (9, 99, 0.1, 0),
        (10, 0, 0.1, 0),
        (20, 1, 0.5, 1),
        (30, 99, 0.3, 9),
        (2, 99, 1.0, 1),
        (1, 99, 1.0, 0),
        (20, 99, 0.0, 0),
    ],
)
def test_the_share_of_a_page_is_kept(size: int, available: int, share: float, count: int) -> None:
    assert fresh_count(size, slots_for(available, 1.0), FreshSlotsConfig(share=share)) == count


def slots_for(available: int, wished: float) -> np.ndarray:
    """Return the scores of trial tracks that together wish for so many slots."""
    return np.log(np.full(available, wished / max(available, 1))).astype(np.float32)


@pytest.mark.parametrize(
    ("wished", "share", "most", "count"),
    [
        (1, 0.1, 0.3, 2),  # no fewer than the share
        (3, 0.1, 0.3, 3),
        (4.4, 0.1, 0.3, 4),
        (40, 0.1, 0.3, 6),  # no more than the most
        (40, 0.1, 0.0, 2),
        (40, 0.0, 0.3, 0),  # none are kept at all
    ],
)
def test_whom_more_tracks_were_made_for_has_more_slots(
    wished: float, share: float, most: float, count: int
) -> None:
    config = FreshSlotsConfig(share=share, most=most)
    assert fresh_count(20, slots_for(50, wished), config) == count
    unknown = np.append(slots_for(50, wished), np.full(9, np.nan, dtype=np.float32))
    assert fresh_count(20, unknown, config) == count


@given(size=st.integers(1, 200), part=st.floats(0, 1))
def test_fresh_slots_are_spread_and_never_first(size: int, part: float) -> None:
    count = int(part * (size - 1))
    positions = fresh_positions(size, count)
    assert len(set(positions)) == count
    assert all(0 < position < size for position in positions)
    if count:  # between two neighbours lies about the same: rounding moves each end by one
        gaps = np.diff([0, *positions, size])
        assert gaps.max() - gaps.min() <= 1


def test_a_page_of_nothing_else_is_filled() -> None:
    assert fresh_positions(3, 3) == (0, 1, 2)


def test_a_track_without_taste_score_counts_as_the_lowest() -> None:
    scores = taste_scores(np.array([0.5, np.nan, 0.2], dtype=np.float32))
    np.testing.assert_array_equal(scores, np.array([0.5, 0.2, 0.2], dtype=np.float32))
    np.testing.assert_array_equal(taste_scores(np.array([np.nan], np.float32)), [0])


def test_draws_come_as_often_as_their_propensity_says() -> None:
    scores = np.array([0.9, 0.5, 0.7, 0.8], dtype=np.float32)
    eligible = np.array([True, True, False, True])
    raised = np.where(eligible, np.exp((scores - 0.9) / 0.2), 0)
    expected = raised / raised.sum()
    counts = np.zeros(4)
    for seed in range(4000):
        drawn = draw(odds(scores, eligible, 0.2), generator(seed, "test"))
        assert drawn is not None
        assert drawn.propensity == pytest.approx(expected[drawn.candidate], rel=1e-6)
        counts[drawn.candidate] += 1
    assert counts[2] == 0
    # Five standard errors of a share at 4000 draws, at most 0.04; the seeds are fixed.
    spread = np.sqrt(expected * (1 - expected) / 4000)
    assert np.all(np.abs(counts / 4000 - expected) <= 5 * spread)


def test_nobody_eligible_is_no_draw() -> None:
    nobody = odds(np.zeros(2, np.float32), np.zeros(2, np.bool_), 1.0)
    assert draw(nobody, generator(1)) is None


def test_extreme_temperatures_stay_probabilities() -> None:
    scores = np.array([1.0, -1.0], dtype=np.float32)
    drawn = draw(odds(scores, np.ones(2, np.bool_), 1e-6), generator(1))
    assert drawn == (0, 1.0)
