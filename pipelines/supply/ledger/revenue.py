"""Revenue and cost by day: pools shared out by qualified listening time, orders as they cost."""

from __future__ import annotations

import polars as pl

from pipelines.supply.ledger.configuration import RevenueConfig
from pipelines.supply.ledger.shares import shared_out
from pipelines.supply.ledger.sums import DAY_TRACK, day

CENTS = 100
MICROS = 1_000_000


def pool_cents(config: RevenueConfig) -> int:
    """Return the pool of one day in whole cents."""
    return round(config.pool_per_day * CENTS)


def payouts(daily: pl.DataFrame, config: RevenueConfig) -> pl.DataFrame:
    """Share each day's pool out to the tracks that were heard long enough.

    Args:
        daily: day, track_id, qualified_ms; one row a day and track.
        config: The rule.

    Returns:
        day, track_id, qualified_ms, revenue_cents: the tracks that qualified. Of each day they
        make the pool to the last cent; a day on which nothing qualified is not there.
    """
    earning = daily.filter(pl.col("qualified_ms") > 0).select(*DAY_TRACK, "qualified_ms")
    cents = pool_cents(config)
    paid = [
        part.with_columns(revenue_cents=shared_out(cents, part["qualified_ms"].to_numpy()))
        for part in earning.sort(DAY_TRACK).partition_by("day", maintain_order=True)
    ]
    empty = earning.clear().with_columns(revenue_cents=pl.lit(0, pl.Int64))
    return pl.concat([empty, *paid])


def costs(orders: pl.DataFrame, config: RevenueConfig) -> pl.DataFrame:
    """Book what was ordered on its day.

    Args:
        orders: generator, cost, at.
        config: What a unit of cost is booked at.

    Returns:
        day, generator, cost_cents: of each day they make the day's cost, rounded once to cents.
    """
    micros = (pl.col("cost") * MICROS).round().cast(pl.Int64).sum()
    spent = orders.group_by(day(), "generator").agg(micros=micros).sort("day", "generator")
    booked = []
    for part in spent.partition_by("day", maintain_order=True):
        weights = part["micros"].to_numpy()
        cents = round(int(weights.sum()) * config.cost_rate * CENTS / MICROS)
        booked.append(
            part.select("day", "generator").with_columns(cost_cents=shared_out(cents, weights))
        )
    empty = spent.clear().select("day", "generator", cost_cents=pl.lit(0, pl.Int64))
    return pl.concat([empty, *booked])
