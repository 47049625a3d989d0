"""The rule of tallies against the same rule written as a plain loop over events in order."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import ACTIONS
from core.tables import TIME
from ranking.listeners.tallies import TALLY_SCHEMA, tally, tally_plays

T0 = 1_700_000_000_000
EVENT_SCHEMA = {"user_id": pl.String, "track_id": pl.String, "action": pl.String, "at": pl.Int64}


def events(*rows: tuple[str, str, str, int]) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), schema=EVENT_SCHEMA, orient="row")
    return frame.with_columns(pl.col("at").cast(TIME))


def one_tally(*moments: tuple[str, int]) -> dict[str, Any]:
    found = tally(events(*[("u", "t", action, T0 + at) for action, at in moments]))
    assert found.height == 1
    return found.to_dicts()[0]


def counted_by_hand(rows: list[tuple[str, str, str, int]]) -> dict[tuple[str, str], dict[str, Any]]:
    tallies: dict[tuple[str, str], dict[str, Any]] = {}
    for user, track, action, at in rows:
        empty = {"plays": 0, "finishes": 0, "skips": 0, "saved": False, "hidden": False}
        empty |= {"liked": False, "disliked": False, "opinion_at": 0, "last_at": 0}
        row = tallies.setdefault((user, track), empty)
        row["last_at"] = max(row["last_at"], at)
        row["plays"] += action == "play"
        row["finishes"] += action == "finish"
        row["skips"] += action == "skip"
        row["saved"] |= action == "save"
        row["hidden"] |= action in ("hide", "report")
        if action in ("like", "unlike", "dislike", "undislike") and at >= row["opinion_at"]:
            row |= {"liked": action == "like", "disliked": action == "dislike", "opinion_at": at}
    return tallies


@pytest.mark.parametrize(
    ("moments", "liked", "disliked"),
    [
        ([("like", 1)], True, False),
        ([("like", 1), ("unlike", 2)], False, False),
        ([("unlike", 2), ("like", 1)], False, False),
        ([("like", 1), ("dislike", 2)], False, True),
        ([("dislike", 2), ("like", 3)], True, False),
        ([("dislike", 1), ("undislike", 2)], False, False),
        ([("dislike", 5), ("like", 5)], True, False),
        ([("like", 5), ("dislike", 5)], False, True),
    ],
)
def test_the_latest_opinion_decides(
    moments: list[tuple[str, int]], liked: bool, disliked: bool
) -> None:
    found = one_tally(*moments)
    assert (found["liked"], found["disliked"]) == (liked, disliked)


def test_save_hide_and_report_are_never_taken_back() -> None:
    found = one_tally(("save", 1), ("hide", 2), ("like", 3), ("unlike", 4))
    assert found["saved"]
    assert found["hidden"]
    assert one_tally(("report", 1))["hidden"]


def test_any_action_moves_last_at_and_only_opinions_move_opinion_at() -> None:
    found = one_tally(("play", 3), ("like", 2), ("share", 9), ("follow", 5))
    assert found["last_at"] == T0 + 9
    assert found["opinion_at"] == T0 + 2
    assert found["plays"] == 1


def test_no_events_make_no_tallies() -> None:
    assert tally(events()).schema == TALLY_SCHEMA
    assert tally(events()).is_empty()


def test_timeless_plays_make_tallies_without_times() -> None:
    plays = pl.DataFrame({"user_id": ["u"], "track_id": ["t"], "plays": [17]})
    found = tally_plays(plays)
    assert found.schema == TALLY_SCHEMA
    row = found.to_dicts()[0]
    assert (row["plays"], row["last_at"], row["opinion_at"]) == (17, 0, 0)
    assert not any(row[name] for name in ("liked", "disliked", "saved", "hidden"))


event_rows = st.lists(
    st.tuples(
        st.sampled_from("uv"),
        st.sampled_from("st"),
        st.sampled_from(ACTIONS),
        st.integers(T0, T0 + 5),  # few moments, so that equal times are common
    ),
    max_size=40,
)


@given(event_rows)
def test_a_tally_is_what_a_loop_over_the_events_counts(
    rows: list[tuple[str, str, str, int]],
) -> None:
    found = {
        (row.pop("user_id"), row.pop("track_id")): row for row in tally(events(*rows)).to_dicts()
    }
    assert found == counted_by_hand(rows)
