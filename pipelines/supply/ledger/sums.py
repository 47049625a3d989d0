"""Sums of what happened, in whole numbers: whatever they are split by, the parts make the whole."""

from __future__ import annotations

import polars as pl

from core.events import Action

COUNTS = {
    "plays": Action.PLAY, "finishes": Action.FINISH, "likes": Action.LIKE, "skips": Action.SKIP,
}  # fmt: skip
HEARD = (*COUNTS, "heard_ms", "qualified_ms")
DAY_TRACK = ["day", "track_id"]


def day() -> pl.Expr:
    """Return the day (UTC) of a row."""
    return pl.col("at").dt.date().alias("day")


def listening(events: pl.LazyFrame, tracks: pl.DataFrame, qualified_ms: int) -> pl.LazyFrame:
    """Return the events that count, each as what it adds.

    Args:
        events: Columns of the events.
        tracks: track_id, duration_ms.
        qualified_ms: Heard so long a play qualifies; a shorter track, to its whole length.

    Returns:
        user_id, day, track_id, and a column each of `HEARD`.
    """
    lengths = tracks.lazy().select("track_id", "duration_ms")
    is_play = pl.col("action") == Action.PLAY.value
    heard_ms = pl.when(is_play).then(pl.col("played_ms").cast(pl.Int64)).fill_null(0)
    length_ms = pl.coalesce("track_ms", "duration_ms").fill_null(qualified_ms)
    enough_ms = pl.min_horizontal(length_ms, pl.lit(qualified_ms))
    counted = events.filter(pl.col("action").is_in([one.value for one in COUNTS.values()]))
    return (
        counted.join(lengths, on="track_id", how="left")
        .with_columns(heard_ms=heard_ms, enough_ms=enough_ms)
        .select(
            "user_id",
            day(),
            "track_id",
            *(
                (pl.col("action") == one.value).cast(pl.Int64).alias(name)
                for name, one in COUNTS.items()
            ),
            "heard_ms",
            qualified_ms=pl.when(pl.col("heard_ms") >= pl.col("enough_ms"))
            .then("heard_ms")
            .otherwise(0),
        )
    )


def added_up(rows: pl.LazyFrame, by: list[str], names: tuple[str, ...]) -> pl.DataFrame:
    """Return the sums of some columns, in 64 bits."""
    sums = [pl.col(name).cast(pl.Int64).sum() for name in names]
    return rows.group_by(by).agg(sums).collect(engine="streaming")
