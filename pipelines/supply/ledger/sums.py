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


def shown(slots: pl.LazyFrame) -> pl.LazyFrame:
    """Return the slots, each as what it adds: user_id, day, track_id, slots."""
    return slots.select("user_id", day(), "track_id", slots=pl.lit(1, pl.Int64))


def facts(listens: pl.LazyFrame, slots: pl.LazyFrame) -> pl.DataFrame:
    """Return everything that counts, read once and kept small: 25 bytes a row.

    Ids become categories, so that what follows groups whole numbers instead of texts.

    Args:
        listens: As `listening` returns them.
        slots: As `shown` returns them.

    Returns:
        user_id, day, track_id, `slots` and a column each of `HEARD`.
    """
    rows = pl.concat([listens, slots], how="diagonal").select(
        pl.col("user_id").cast(pl.Categorical),
        "day",
        pl.col("track_id").cast(pl.Categorical),
        *(pl.col(name).fill_null(0).cast(pl.UInt8) for name in ("slots", *COUNTS)),
        *(pl.col(name).fill_null(0).cast(pl.Int32) for name in ("heard_ms", "qualified_ms")),
    )
    return rows.collect(engine="streaming")


def added_up(
    rows: pl.DataFrame | pl.LazyFrame, by: list[str], names: tuple[str, ...]
) -> pl.DataFrame:
    """Return the sums of some columns in 64 bits, with ids as texts again."""
    sums = [pl.col(name).cast(pl.Int64).sum() for name in names]
    found = rows.lazy().group_by(by).agg(sums).collect(engine="streaming")
    return found.with_columns(pl.col(pl.Categorical).cast(pl.String))
