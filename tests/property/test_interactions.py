"""An event is judged alike whether it is posted alone or stands in a file of millions."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.events import (
    ACTIONS,
    EARLIEST_MS,
    LATEST_MS,
    MAX_PLAYED_MS,
    MAX_POSITION,
    Interaction,
    check_rows,
    interaction_rules,
)
from core.ids import MAX_ID_CHARS
from core.tables import EVENTS, TIME

WIDE = {
    name: pl.Int64 if dtype.is_integer() else dtype
    for name, dtype in EVENTS.schema.items()
    if name != "at"
}


def around(*limits: int) -> st.SearchStrategy[int]:
    """Numbers at and beside limits, and some far away."""
    beside = [limit + step for limit in limits for step in (-1, 0, 1)]
    return st.one_of(st.sampled_from(beside), st.integers(-(2**40), 2**43))


ids = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.sampled_from(["a\x1fb", "a\x7f", "\n", " ", "é" * MAX_ID_CHARS, "x" * (MAX_ID_CHARS + 1)]),
    st.integers(MAX_ID_CHARS - 1, MAX_ID_CHARS + 1).map("n".__mul__),
)
good_ids = st.sampled_from(["a", "b-1", "é"])
rows = st.fixed_dictionaries(
    {
        "event_id": st.one_of(good_ids, ids),
        "user_id": st.one_of(good_ids, ids),
        "track_id": st.one_of(good_ids, ids),
        "action": st.one_of(st.sampled_from(ACTIONS), st.sampled_from(["Play", "", "listen"])),
        "at": st.one_of(st.just(1_700_000_000_000), around(EARLIEST_MS, LATEST_MS)),
        "request_id": st.one_of(st.none(), good_ids, ids),
        "position": st.one_of(st.none(), st.just(0), around(0, MAX_POSITION)),
        "played_ms": st.one_of(st.none(), st.just(0), around(0, MAX_PLAYED_MS)),
        "track_ms": st.one_of(st.none(), st.just(1), around(1, MAX_PLAYED_MS)),
        "is_organic": st.one_of(st.none(), st.booleans()),
        "session_id": st.one_of(st.none(), good_ids, ids),
        "device": st.one_of(st.none(), good_ids, ids),
    }
)


def posted(row: dict[str, Any]) -> bool:
    """Whether the service would take it."""
    try:
        Interaction.model_validate(row)
    except ValidationError:
        return False
    return True


def framed(told: list[dict[str, Any]]) -> pl.DataFrame:
    frame = pl.DataFrame(told, schema={**WIDE, "at": pl.Int64, "number": pl.Int64})
    return frame.with_columns(pl.col("at").cast(TIME))


@given(st.lists(rows, min_size=1, max_size=20))
def test_files_and_requests_hold_events_to_the_same_limits(told: list[dict[str, Any]]) -> None:
    numbered = [{**row, "number": number} for number, row in enumerate(told)]
    good, rejected = check_rows(framed(numbered), interaction_rules())
    taken = [number for number, row in enumerate(told) if posted(row)]
    assert good["number"].to_list() == taken
    assert sorted([*taken, *rejected["number"]]) == list(range(len(told)))
    assert rejected["reason"].null_count() == 0


@given(rows)
def test_what_a_file_says_is_what_a_request_says(row: dict[str, Any]) -> None:
    good, _ = check_rows(framed([{**row, "number": 0}]), interaction_rules())
    if good.is_empty():
        return
    stored = EVENTS.conform(good).with_columns(pl.col("at").dt.epoch("ms")).to_dicts()[0]
    assert stored == Interaction.model_validate(row).model_dump(mode="json")


def test_a_rule_that_cannot_be_judged_counts_as_broken() -> None:
    frame = pl.DataFrame({"x": [1, None]})
    good, rejected = check_rows(frame, {"x is large": pl.col("x") > 5})
    assert good["x"].to_list() == [1]
    assert rejected.rows() == [(None, "x is large")]


def test_no_rules_refuse_nothing() -> None:
    frame = pl.DataFrame({"x": [1, 2]})
    good, rejected = check_rows(frame, {})
    assert good.equals(frame)
    assert rejected.is_empty()
    assert rejected.schema["reason"] == pl.String
