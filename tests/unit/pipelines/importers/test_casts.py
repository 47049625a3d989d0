"""Casts keep what can be kept and leave null where nothing can."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import to_epoch_ms
from core.tables import TIME
from pipelines.importers.casts import TimeUnit, cast, cast_date, present

MS = 1_700_000_000_123
S = MS // 1000


def casted(
    values: list[Any], target: Any, unit: TimeUnit | None = None, dtype: Any = None
) -> list[Any]:
    frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype, strict=False)})
    source = frame.schema["x"]
    target = target() if isinstance(target, type) else target
    return frame.select(x=cast(present("x", source), source, target, unit))["x"].to_list()


def moments(values: list[Any], unit: TimeUnit | None = None, dtype: Any = None) -> list[int | None]:
    found = casted(values, TIME, unit, dtype)
    return [None if one is None else round(one.timestamp() * 1000) for one in found]


def test_ids_keep_their_digits() -> None:
    assert casted([1, 2**53 + 1], pl.String) == ["1", "9007199254740993"]
    assert casted([1.0, 2.5, None, float("nan")], pl.String) == ["1", "2.5", None, None]
    assert casted(["1.0", "", " a"], pl.String) == ["1.0", None, " a"]
    assert casted([7], pl.String, dtype=pl.UInt32) == ["7"]
    assert casted(["x"], pl.String, dtype=pl.Categorical) == ["x"]


def test_whole_numbers() -> None:
    assert casted(["7", " 8 ", "9.0", "9.5", "x", ""], pl.Int32) == [7, 8, 9, None, None, None]
    assert casted([7.0, 7.5, float("inf")], pl.Int32) == [7, None, None]
    assert casted([3_000_000_000], pl.Int32) == [3_000_000_000]  # the rules judge it, not the type
    assert casted([[1]], pl.Int32) == [None]


def test_numbers() -> None:
    assert casted(["1.5", "x", "inf"], pl.Float32) == [1.5, None, None]
    assert casted([1, 2], pl.Float32) == [1.0, 2.0]


def test_truths() -> None:
    words = ["true", "F", "YES", "0", "1.0", "maybe", ""]
    assert casted(words, pl.Boolean) == [True, False, True, False, True, None, None]
    assert casted([0, 1, 2], pl.Boolean) == [False, True, None]
    assert casted([0.0, 1.0, 0.5], pl.Boolean) == [False, True, None]


def test_lists() -> None:
    assert casted(["a; b;;", "c", ""], pl.List(pl.String)) == [["a", "b"], ["c"], None]
    assert casted([["a ", ""], ["b"]], pl.List(pl.String)) == [["a"], ["b"]]


def test_times_by_their_unit() -> None:
    assert moments([MS]) == [MS]
    assert moments([MS], "ms") == [MS]
    assert moments([S], "s") == [S * 1000]
    assert moments([S + 0.25], "s") == [S * 1000 + 250]
    assert moments([MS], "iso") == [None]
    assert moments([str(MS), str(S)], "ms") == [MS, S]
    assert moments([str(S)], "s") == [S * 1000]
    assert moments(["2023-11-14"], "ms") == [None]


def test_times_that_are_times() -> None:
    moment = datetime(2023, 11, 14, 22, 13, 20, 123_456, tzinfo=UTC)
    assert moments([moment]) == [MS]
    assert moments([moment.replace(tzinfo=None)], dtype=pl.Datetime("us")) == [MS]
    assert moments([date(2023, 11, 14)]) == [1_699_920_000_000]


@pytest.mark.parametrize("unit", ["iso", None])
def test_times_in_words(unit: TimeUnit | None) -> None:
    words = ["2023-11-14T22:13:20.123Z", "2023-11-14 23:13:20.123+01:00", "2023-11-14T22:13:20.123"]
    assert moments(words, unit) == [MS, MS, MS]
    assert moments(["2023-11-14", "2023-11-14T22:13", "soon"], unit) == [
        1_699_920_000_000,
        1_699_999_980_000,
        None,
    ]


def test_release_dates_may_be_years_or_days() -> None:
    frame = pl.DataFrame({"x": ["1975", "19750301", "1975-03-01", str(MS), "x", "19751301"]})
    found = frame.select(cast_date(pl.col("x"), pl.String(), None))["x"].to_list()
    day = datetime(1975, 3, 1, tzinfo=UTC)
    first = datetime(1975, 1, 1, tzinfo=UTC)
    assert found[:3] == [first, day, day]
    assert found[3].timestamp() * 1000 == MS
    assert found[4] is None


SINCE_2000_MS = st.integers(946_684_800_000, 4_070_908_800_000)


@given(
    SINCE_2000_MS, st.integers(0, 999), st.sampled_from([None, UTC, timezone(timedelta(hours=5.5))])
)
def test_iso_text_means_in_files_what_it_means_in_requests(
    at_ms: int, microseconds: int, zone: timezone | None
) -> None:
    exact = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    moment = exact + timedelta(microseconds=microseconds)
    text = (moment.astimezone(zone) if zone else moment.replace(tzinfo=None)).isoformat()
    assert moments([text], "iso") == [to_epoch_ms(text)] == [at_ms]
