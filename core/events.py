"""What a listener did: the vocabulary of interactions and the rules an event must keep.

One event comes as an `Interaction` (over HTTP); millions come as a frame (from files).
Both are held to the same limits, which stand here once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple

import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from core.ids import MAX_ID_CHARS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000
EARLIEST_MS = 946_684_800_000  # 2000-01-01: an earlier time is seconds read as milliseconds
LATEST_MS = 4_102_444_800_000  # 2100-01-01: a later one is microseconds
MAX_PLAYED_MS = DAY_MS
MAX_POSITION = 9_999


class Action(StrEnum):
    """What a listener did with a track."""

    PLAY = "play"
    FINISH = "finish"
    SKIP = "skip"
    LIKE = "like"
    UNLIKE = "unlike"
    DISLIKE = "dislike"
    UNDISLIKE = "undislike"
    SAVE = "save"
    SHARE = "share"
    FOLLOW = "follow"
    REMIX = "remix"
    HIDE = "hide"
    REPORT = "report"


ACTIONS: tuple[str, ...] = tuple(action.value for action in Action)


def to_epoch_ms(value: object) -> object:
    """Turn an ISO 8601 text or a datetime into UTC milliseconds; leave anything else as it is."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - EPOCH) // timedelta(milliseconds=1)  # exact, where a float would not be
    return value


EpochMs = Annotated[int, BeforeValidator(to_epoch_ms), Field(ge=EARLIEST_MS, le=LATEST_MS)]
ExternalId = Annotated[
    str, Field(min_length=1, max_length=MAX_ID_CHARS, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class Interaction(BaseModel):
    """One thing one listener did with one track."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: ExternalId
    """Chosen by the client; the same id delivered twice counts once."""
    user_id: ExternalId
    track_id: ExternalId
    action: Action
    at: EpochMs
    """When it happened, UTC: milliseconds, or ISO 8601 text."""
    request_id: ExternalId | None = None
    """The feed it came from, where it came from one."""
    position: Annotated[int, Field(ge=0, le=MAX_POSITION)] | None = None
    played_ms: Annotated[int, Field(ge=0, le=MAX_PLAYED_MS)] | None = None
    track_ms: Annotated[int, Field(ge=1, le=MAX_PLAYED_MS)] | None = None
    is_organic: bool | None = None
    """True when the listener chose the track, False when a feed offered it."""
    session_id: ExternalId | None = None
    device: Annotated[str, Field(max_length=MAX_ID_CHARS)] | None = None


class Checked(NamedTuple):
    """Rows that keep the rules, and those that do not with a `reason` column."""

    good: pl.DataFrame
    rejected: pl.DataFrame


def check_rows(frame: pl.DataFrame, rules: dict[str, pl.Expr]) -> Checked:
    """Split a frame by rules, naming for each refused row the first rule it breaks.

    Args:
        frame: Any rows.
        rules: Reason → boolean expression that is true (or null) where the rule is broken.

    Returns:
        The good rows, and the others with their `reason`.
    """
    broken = {reason: expr.fill_null(value=True) for reason, expr in rules.items()}
    is_broken = frame.select(pl.any_horizontal(pl.lit(value=False), *broken.values())).to_series()
    if is_broken.len() != frame.height:  # rules that read no column judge all rows alike
        is_broken = is_broken.new_from_index(0, frame.height)
    told = [pl.when(expr).then(pl.lit(reason)) for reason, expr in broken.items()]
    reason = pl.coalesce(pl.lit(None, pl.String), *told)
    return Checked(frame.filter(~is_broken), frame.filter(is_broken).with_columns(reason=reason))


def id_rules(column: str) -> dict[str, pl.Expr]:
    """Return the rules of an id column: present, not empty, not too long, printable."""
    value = pl.col(column)
    return {
        f"{column} is missing": value.is_null() | (value == ""),
        f"{column} is longer than {MAX_ID_CHARS} characters": value.str.len_chars() > MAX_ID_CHARS,
        f"{column} has control characters": value.str.contains(r"[\x00-\x1f\x7f]"),
    }


def optional_id_rules(column: str) -> dict[str, pl.Expr]:
    """Return the rules of an id column that may be null."""
    absent = pl.col(column).is_null()
    return {reason: expr & ~absent for reason, expr in id_rules(column).items()}


def time_rules(column: str) -> dict[str, pl.Expr]:
    """Return the rules of a time column (Datetime, ms, UTC)."""
    at_ms = pl.col(column).dt.epoch("ms")
    return {
        f"{column} is missing or not a time": pl.col(column).is_null(),
        f"{column} lies outside 2000 to 2100; check the unit of time": ~at_ms.is_between(
            EARLIEST_MS, LATEST_MS
        ),
    }


def range_rule(column: str, low: int, high: int) -> dict[str, pl.Expr]:
    """Return the rule that an optional number lies in a range."""
    outside = ~pl.col(column).is_between(low, high)
    return {f"{column} is not between {low} and {high}": outside.fill_null(value=False)}


def length_rule(column: str) -> dict[str, pl.Expr]:
    """Return the rule that an optional text is not too long."""
    is_long = pl.col(column).str.len_chars() > MAX_ID_CHARS
    return {f"{column} is longer than {MAX_ID_CHARS} characters": is_long.fill_null(value=False)}


def interaction_rules() -> dict[str, pl.Expr]:
    """Return the rules of interactions in a frame; the same limits as `Interaction`.

    The frame has the columns of the warehouse's events, whole numbers still in 64 bits. What is
    missing is null; `event_id` may be, for it is derived where a file has none.
    """
    return {
        **id_rules("user_id"),
        **id_rules("track_id"),
        **time_rules("at"),
        f"action is not one of {', '.join(ACTIONS)}": ~pl.col("action").is_in(ACTIONS),
        **optional_id_rules("event_id"),
        **optional_id_rules("request_id"),
        **optional_id_rules("session_id"),
        **length_rule("device"),
        **range_rule("position", 0, MAX_POSITION),
        **range_rule("played_ms", 0, MAX_PLAYED_MS),
        **range_rule("track_ms", 1, MAX_PLAYED_MS),
    }
