"""Habits: what listeners' days and segments' plays look like, from events or from play counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.events import DAY_MS
from core.ids import Ids
from core.tables import TIME
from pipelines.history import PAIR, History
from pipelines.supply.demand.liking import Pairs
from ranking.model import Floats, Rows

NTH = (1, 2, 3, 5, 9)
"""First play of each class of repeats whose skip rate is told: 1, 2, 3 to 4, 5 to 8, 9 and more."""


class HabitsConfig(BaseModel):
    """Which listening says how much is heard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_days: float = Field(default=28.0, gt=0, le=3650)
    """Latest days that are counted."""
    timeless_days: float = Field(default=365.0, gt=0, le=36_500)
    """Days that play counts without times are taken to span."""


@dataclass(frozen=True, slots=True, eq=False)
class Habits:
    """u active listeners.

    Args:
        user_ids: (u,) by id.
        pairs: All they ever did, so that what was heard is known.
        variety: (u,) different tracks a day.
    """

    user_ids: tuple[str, ...]
    pairs: Pairs
    variety: Floats


def habits(history: History, tallies: pl.DataFrame, tracks: Ids, config: HabitsConfig) -> Habits:
    """Return who listens, to what, and how much variety they hear.

    Args:
        history: Without runaways.
        tallies: What all of it adds up to.
        tracks: The catalogue's tracks; others are not counted.
        config: The window.
    """
    recent = _recent(history, config)
    listening = recent.group_by("user_id").agg(
        tracks=pl.col("track_id").n_unique(), days=pl.col("days").max()
    )
    active = listening.filter(pl.col("tracks") > 0).sort("user_id")
    users = active.select("user_id").with_row_index("user")
    met = tallies.join(users, on="user_id", how="inner")
    rows = tracks.rows(met["track_id"].to_list())
    known = met.with_columns(row=pl.Series(rows)).filter(pl.col("row") >= 0, pl.col("plays") > 0)
    known = known.sort("user", "row")
    counts = np.bincount(known["user"].to_numpy(), minlength=active.height)
    return Habits(
        user_ids=tuple(active["user_id"]),
        pairs=Pairs(
            starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            tracks=known["row"].to_numpy().astype(np.int64),
            plays=known["plays"].to_numpy().astype(np.float32),
            finishes=known.select(pl.min_horizontal("finishes", "plays"))
            .to_series()
            .to_numpy()
            .astype(np.float32),
        ),
        variety=(active["tracks"] / active["days"]).to_numpy().astype(np.float32),
    )


def _recent(history: History, config: HabitsConfig) -> pl.DataFrame:
    """Return user_id, track_id and the days over which each listener was seen."""
    if not history.has_times:
        timeless = history.plays.filter(pl.col("plays") > 0).select(*PAIR)
        return timeless.with_columns(days=pl.lit(config.timeless_days))
    end_ms = history.last_ms + 1
    since_ms = end_ms - int(config.window_days * DAY_MS)
    at_ms = pl.col("at").cast(TIME).dt.epoch("ms")
    played = history.events.lazy().filter(pl.col("action") == "play")
    first = played.group_by("user_id").agg(first=at_ms.min())
    days = (end_ms - pl.max_horizontal(pl.col("first"), pl.lit(since_ms))) / DAY_MS
    seen = played.filter(at_ms >= since_ms).join(first, on="user_id")
    return seen.select(*PAIR, days=days.clip(1.0)).collect()


@dataclass(frozen=True, slots=True, eq=False)
class SegmentHabits:
    """What was played of k segments in the window.

    Args:
        plays: (k,) plays a day.
        repeat_share: (k,) share of plays that were not the listener's first of the track.
        skip_rates: (k, len(NTH)) share skipped of a listener's nth plays of a track; NaN where
            there was none.
    """

    plays: NDArray[np.float64]
    repeat_share: NDArray[np.float64]
    skip_rates: NDArray[np.float64]


def segment_habits(
    history: History, tracks: Ids, members: Rows, count: int, config: HabitsConfig
) -> SegmentHabits:
    """Return how segments are played, and how being played again tires their listeners.

    Args:
        history: Without runaways.
        tracks: The catalogue's tracks.
        members: (n,) segment of each, or negative.
        count: Segments, k.
        config: The window.
    """
    segments = pl.LazyFrame(
        {"track_id": list(tracks.values), "segment": members},
        schema={"track_id": pl.String, "segment": pl.Int64},
    ).filter(pl.col("segment") >= 0)
    listens = _listens(history) if history.has_times else _timeless(history)
    since_ms = history.last_ms + 1 - int(config.window_days * DAY_MS)
    told = listens.filter(pl.col("at_ms") >= since_ms).join(segments, on="track_id").collect()
    return _summed(told, count, config.window_days if history.has_times else config.timeless_days)


def _listens(history: History) -> pl.LazyFrame:
    """Return track_id, at_ms, times (1), nth and skipped of every play, skips with their play."""
    at_ms = pl.col("at").cast(TIME).dt.epoch("ms")
    told = history.events.lazy().filter(pl.col("action").is_in(["play", "skip"]))
    ordered = told.select(*PAIR, "action", at_ms=at_ms).sort(*PAIR, "at_ms", maintain_order=True)
    is_play = pl.col("action") == "play"
    skipped = (pl.col("action").shift(-1).over(PAIR) == "skip").fill_null(value=False)
    numbered = ordered.with_columns(nth=is_play.cum_sum().over(PAIR), skipped=skipped)
    return numbered.filter(is_play).select("track_id", "at_ms", "nth", "skipped", times=pl.lit(1))


def _timeless(history: History) -> pl.LazyFrame:
    """Return play counts as one first play each, and the rest as repeats whose end is not known."""
    played = history.plays.lazy().filter(pl.col("plays") > 0)
    first = played.select("track_id", nth=pl.lit(1), times=pl.lit(1))
    again = played.select("track_id", nth=pl.lit(2), times=pl.col("plays") - 1)
    both = pl.concat([first, again], how="vertical_relaxed")
    return both.with_columns(at_ms=pl.lit(history.last_ms), skipped=pl.lit(None, pl.Boolean))


def _summed(told: pl.DataFrame, count: int, days: float) -> SegmentHabits:
    segment = told["segment"].to_numpy()
    times = told["times"].to_numpy().astype(np.float64)
    nth = told["nth"].to_numpy()
    plays = np.bincount(segment, times, count)
    again = np.bincount(segment, times * (nth > 1), count)
    known = told["skipped"].is_not_null().to_numpy()
    skipped = told["skipped"].fill_null(value=False).to_numpy()
    cell = segment * len(NTH) + np.searchsorted(NTH, nth, side="right") - 1
    shown = np.bincount(cell[known], minlength=count * len(NTH)).astype(np.float64)
    left = np.bincount(cell[known & skipped], minlength=count * len(NTH))
    rates = np.divide(left, shown, out=np.full(shown.size, np.nan), where=shown > 0)
    share = np.divide(again, plays, out=np.zeros(count), where=plays > 0)
    return SegmentHabits(plays / days, share, rates.reshape(count, len(NTH)))
