"""How a history is cut so that nothing judged or trained on was seen by what it is judged with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.events import DAY_MS
from core.randomness import generator
from pipelines.history import PAIR, History
from ranking.model import Rows

Grades = NDArray[np.int32]
"""How much a track was wanted: 1 played, 2 finished, 3 liked, saved or shared."""

MIN_TRACKS = 5  # a listener with fewer tracks is never held out from


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A history and what was kept from it.

    Args:
        history: What may be learned from.
        held: user_id, track_id, grade: what listeners went on to choose.
        now_ms: The moment between the two.
        repeats: Whether what was kept includes tracks that their listener had met before.
    """

    history: History
    held: pl.DataFrame
    now_ms: int
    repeats: bool = False


def leave_out(history: History, share: float, seed: int, now_ms: int) -> Split:
    """Hold out a share of each listener's tracks, and whatever they said of them.

    Args:
        history: All of it; times are not looked at.
        share: Of each listener's tracks, in (0, 1); at least one of a listener with
            `MIN_TRACKS` or more, none of the others.
        seed: Decides which.
        now_ms: The moment to judge at.
    """
    pairs = _pairs(history)
    draws = generator(seed, "leave-out").random(pairs.height)
    size = (pl.len() * share).round().cast(pl.Int64).clip(lower_bound=1)
    held = (
        pairs.with_columns(draw=pl.Series(draws, dtype=pl.Float64))
        .with_columns(
            place=pl.col("draw").rank("ordinal").over("user_id"),
            size=size.over("user_id"),
            tracks=pl.len().over("user_id"),
        )
        .filter((pl.col("tracks") >= MIN_TRACKS) & (pl.col("place") <= pl.col("size")))
        .select(*PAIR, grade=pl.lit(1, pl.Int32))
    )
    return Split(history.without(held), held, now_ms)


def folds(history: History, count: int, seed: int, now_ms: int) -> Iterator[Split]:
    """Yield `count` splits, each pair of listener and track held out in exactly one of them.

    What is learned for a fold has not seen the fold's pairs: their relevance can be learned from
    features that are as ignorant as they will be when serving.
    """
    pairs = _pairs(history)
    order = generator(seed, "folds").permutation(pairs.height) % count
    labelled = pairs.with_columns(fold=pl.Series(order), grade=pl.lit(1, pl.Int32))
    for fold in range(count):
        held = labelled.filter(pl.col("fold") == fold).drop("fold")
        yield Split(history.without(held), held, now_ms)


def days_back(history: History, days: int, end_ms: int) -> int:
    """Return when the last `days` days that saw any listening before `end_ms` begin, UTC.

    Days without listening are not counted: after a pause of months the latest two calendar days
    may hold three events, and nothing can be learned from or judged by those.
    """
    at = history.events["at"].dt.epoch("ms")
    busy = (at.filter(at < end_ms) // DAY_MS).unique().sort()
    return int(busy[-min(days, len(busy))]) * DAY_MS if len(busy) else end_ms


def temporal(history: History, cut_ms: int, end_ms: int, *, repeats: bool = False) -> Split:
    """Split at a moment: before is history, after is what was chosen.

    A track counts where the listener finished, liked, saved or shared it (grade 2; 3 where they
    said so), whatever brought it to them; unless repeats count, only where they had not met it
    before.

    Args:
        history: Only events before `end_ms` are looked at.
        cut_ms: Where the later part begins.
        end_ms: Where the later part ends.
        repeats: Whether tracks met before count too.
    """
    earlier = history.before(cut_ms)
    later = history.before(end_ms).since(cut_ms)
    chosen = graded(later)
    if repeats:
        return Split(earlier, chosen, cut_ms, repeats=True)
    met = pl.concat([earlier.events.select(PAIR), earlier.plays.select(PAIR)]).unique()
    return Split(earlier, chosen.join(met, on=PAIR, how="anti"), cut_ms)


def graded(events: pl.DataFrame) -> pl.DataFrame:
    """Return user_id, track_id, grade (2 finished, 3 liked, saved or shared) of what was chosen.

    A track that was also turned down (dislike, hide, report) was not chosen.
    """
    action = pl.col("action")
    said = action.is_in(["like", "save", "share"])
    against = action.is_in(["dislike", "hide", "report"])
    grade = pl.when(said).then(3).when(action == "finish").then(2).otherwise(0)
    totals = events.group_by(PAIR).agg(grade=grade.max().cast(pl.Int32), turned_down=against.any())
    chosen = totals.filter((pl.col("grade") > 0) & ~pl.col("turned_down"))
    return chosen.select(*PAIR, "grade").sort(PAIR)


def _pairs(history: History) -> pl.DataFrame:
    """Return every pair of listener and track with a play, sorted."""
    played = history.tallies().filter(pl.col("plays") > 0)
    return played.select(PAIR).sort(PAIR)


def relevant_rows(held: pl.DataFrame, rows: Rows) -> dict[str, tuple[Rows, Grades]]:
    """Return listener → (catalogue rows, grades) of held pairs whose track has a row.

    Args:
        held: user_id, track_id, grade.
        rows: (held.height,) catalogue rows, -1 where the track is not known.
    """
    known = held.with_columns(row=pl.Series(rows, dtype=pl.Int64)).filter(pl.col("row") >= 0)
    grouped = known.group_by("user_id", maintain_order=True).agg("row", "grade")
    return {
        user: (np.asarray(found, dtype=np.int64), np.asarray(grades, dtype=np.int32))
        for user, found, grades in grouped.sort("user_id").iter_rows()
    }
