"""Traffic: which listeners are machines or left running, so that nobody counts them."""

from __future__ import annotations

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

HOUR_MS = 3_600_000


class TrafficConfig(BaseModel):
    """From where on a day of listening is nobody's; a listener with such a day is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours_a_day: float = Field(default=20.0, gt=0, le=24)
    """Hours heard on one day (UTC)."""
    loop_plays: int = Field(default=100, ge=2)
    """Plays of one day from which a single track may be a loop."""
    loop_share: float = Field(default=0.9, gt=0, le=1)
    """Share of such a day's plays that are one track."""
    device_plays: int = Field(default=2000, ge=2)
    """Plays of one day on one device; whoever played on it is left out."""


def runaways(events: pl.DataFrame | pl.LazyFrame, config: TrafficConfig) -> pl.DataFrame:
    """Return the listeners whose listening is left out of every count, each with the reasons.

    Args:
        events: Columns of the `events` table.
        config: The limits.

    Returns:
        user_id, reasons (list of `hours`, `loop`, `device`), sorted by user_id.
    """
    plays = (
        events.lazy().filter(pl.col("action") == "play").with_columns(day=pl.col("at").dt.date())
    )
    played_ms = pl.col("played_ms").fill_null(0).cast(pl.Int64)  # 25 days overflow what a row has
    heard = (pl.len().alias("plays"), (played_ms.sum() / HOUR_MS).alias("hours"))
    # Whoever is within the limits of one day in all days together is so on each: most listeners.
    suspects = (
        plays.group_by("user_id")
        .agg(heard)
        .filter((pl.col("plays") >= config.loop_plays) | (pl.col("hours") > config.hours_a_day))
    )
    suspects = suspects.collect().lazy()  # few; a lazy frame would be made anew by each that asks
    own = plays.join(suspects, on="user_id", how="semi")
    days = own.group_by("user_id", "day").agg(heard).collect().lazy()
    busy_days = days.filter(pl.col("plays") >= config.loop_plays)
    of_track = own.join(busy_days, on=["user_id", "day"], how="semi")
    of_track = of_track.group_by("user_id", "day", "track_id").agg(same=pl.len())
    most = of_track.group_by("user_id", "day").agg(same=pl.col("same").max())
    looped = busy_days.join(most, on=["user_id", "day"]).filter(
        pl.col("same") >= config.loop_share * pl.col("plays")
    )
    on_device = plays.filter(pl.col("device").is_not_null())
    crowded = on_device.group_by("device").agg(plays=pl.len())
    crowded = crowded.filter(pl.col("plays") > config.device_plays).collect().lazy()
    busy = on_device.join(crowded, on="device", how="semi")
    busy = busy.group_by("device", "day").agg(plays=pl.len())
    busy = busy.filter(pl.col("plays") > config.device_plays)
    found = (
        days.filter(pl.col("hours") > config.hours_a_day).select("user_id", reason=pl.lit("hours")),
        looped.select("user_id", reason=pl.lit("loop")),
        on_device.join(busy, on=["device", "day"], how="semi").select(
            "user_id", reason=pl.lit("device")
        ),
    )
    every = pl.concat(found).unique().group_by("user_id")
    return every.agg(reasons=pl.col("reason").sort()).sort("user_id").collect()
