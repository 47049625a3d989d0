"""The yardstick knows that low slots are heard out less, and compares with the segment's median."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from core.ids import Ids
from core.randomness import generator
from pipelines.supply.trials.yardstick import HIGHEST, LOWEST, yardstick

FADING = np.array([0.5, 0.35, 0.2])
STRENGTH = {"a": 1.0, "b": 1.3, "c": 0.7, "d": 0.4, "e": 0.4, "f": 1.6}
TRACKS = Ids(tuple(STRENGTH))
SEGMENT = np.array([0, 0, 0, 1, 1, -1])


def slots(per_track: int = 3000, fresh: bool = False) -> pl.DataFrame:
    rng = generator(4, "slots")
    names = np.repeat(list(STRENGTH), per_track)
    position = rng.integers(0, 3, names.size)
    rates = FADING[position] * np.array([STRENGTH[name] for name in names])
    return pl.DataFrame(
        {
            "track_id": names,
            "position": position.astype(np.int32),
            "is_fresh": np.full(names.size, fresh),
            "heard": rng.random(names.size) < rates,
        }
    )


def test_positions_and_medians_are_found() -> None:
    stick = yardstick(slots(), TRACKS, SEGMENT, 2)
    mean = np.mean(list(STRENGTH.values()))
    np.testing.assert_allclose(stick.by_position, FADING * mean, rtol=0.05)
    assert stick.median[0] == pytest.approx(1.0 / mean, rel=0.05)  # of 1.0, 1.3 and 0.7
    assert stick.median[1] == pytest.approx(0.4 / mean, rel=0.1)
    expected = stick.expected(np.array([0, 2, 9]), 0)
    np.testing.assert_allclose(expected, [0.5, 0.2, 0.2], rtol=0.08)  # beyond the last: the last


def test_fresh_slots_do_not_move_the_yardstick_they_are_measured_by() -> None:
    ordinary = slots()
    with_fresh = pl.concat([ordinary, slots(fresh=True).with_columns(heard=pl.lit(value=True))])
    one, other = (yardstick(each, TRACKS, SEGMENT, 2) for each in (ordinary, with_fresh))
    np.testing.assert_array_equal(one.by_position, other.by_position)
    np.testing.assert_array_equal(one.median, other.median)


def test_a_segment_that_nothing_is_known_of_is_measured_by_all() -> None:
    stick = yardstick(slots(), TRACKS, SEGMENT, 3)
    assert stick.median[2] == stick.median[-1]
    np.testing.assert_array_equal(
        stick.expected(np.array([1]), 2), stick.expected(np.array([1]), -1)
    )


def test_without_a_log_every_slot_may_be_expected_something() -> None:
    empty = slots(0)
    stick = yardstick(empty, TRACKS, SEGMENT, 2)
    expected = stick.expected(np.array([0, 5]), 0)
    assert np.all((expected >= LOWEST) & (expected <= HIGHEST))
