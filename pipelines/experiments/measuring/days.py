"""Aggregates a metric by day since exposure, so that an effect that wears off shows."""

from __future__ import annotations

import duckdb
import numpy as np
from numpy.typing import NDArray

from pipelines.experiments.measuring.amounts import DAY_MS, by_day_query
from pipelines.experiments.measuring.listeners import Arrivals
from pipelines.experiments.measuring.metrics import Measure, Metric
from pipelines.experiments.statistics.aggregates import Aggregate, aggregate_of_moments

MOST_DAYS = 90

# Listeners without a row on a day have 0 of everything and are counted elsewhere.
_SUMS = """
SELECT l.arm, d.day, sum(x), sum(y), sum(x * x), sum(y * y), sum(x * y)
FROM ({amounts}) d JOIN listeners l USING (row)
WHERE d.day BETWEEN 0 AND {last_day} AND l.exposed_ms + (d.day + 1) * {day_ms} <= {until_ms}
GROUP BY l.arm, d.day
"""


def aggregate_days(
    connection: duckdb.DuckDBPyConnection, arrivals: Arrivals, metric: Metric, n_arms: int
) -> list[list[Aggregate | None]]:
    """Measure each whole day of 24 hours since the exposure by itself.

    Only listeners whose day is over count on it. Windows, caps and covariates do not apply.

    Args:
        connection: Of the warehouse, with the arrivals' table.
        arrivals: The listeners.
        metric: Whose numerator and denominator are measured.
        n_arms: Variations.

    Returns:
        For each day the aggregates by arm, None where nobody is left; until nobody is.
    """
    lived = (arrivals.until_ms - arrivals.exposed_ms) // DAY_MS
    last = min(int(lived.max()), MOST_DAYS) - 1
    if last < 0:
        return []
    query = _SUMS.format(
        amounts=_amounts(metric, arrivals), last_day=last, day_ms=DAY_MS, until_ms=arrivals.until_ms
    )
    sums = np.zeros((last + 1, n_arms, 5))
    for arm, day, *found in connection.execute(query).fetchall():
        sums[day, arm] = found
    is_ratio = metric.denominator is not None
    days = []
    for day in range(last + 1):
        counts = np.bincount(arrivals.arm[lived > day], minlength=n_arms)
        days.append(
            [_aggregate(int(n), sums[day, arm], is_ratio=is_ratio) for arm, n in enumerate(counts)]
        )
    return days


def _amounts(metric: Metric, arrivals: Arrivals) -> str:
    """Return SQL for row, day, x and y: numerator and denominator of each listener and day."""
    value = "(amount > 0)::DOUBLE" if metric.kind == "share" else "amount"
    top = _by_day(metric.numerator, arrivals)
    if metric.denominator is None:
        return f"SELECT row, day, {value} AS x, 0.0 AS y FROM ({top})"  # noqa: S608
    bottom = _by_day(metric.denominator, arrivals)
    return (
        "SELECT row, day, coalesce(n.amount, 0) AS x, coalesce(m.amount, 0) AS y "  # noqa: S608
        f"FROM ({top}) n FULL JOIN ({bottom}) m USING (row, day)"
    )


def _by_day(measure: Measure, arrivals: Arrivals) -> str:
    return by_day_query(measure, int(arrivals.exposed_ms.min()), arrivals.until_ms)


def _aggregate(n: int, sums: NDArray[np.float64], *, is_ratio: bool) -> Aggregate | None:
    if not n:
        return None
    means = sums[:2] / n
    squares = np.array([[sums[2], sums[4]], [sums[4], sums[3]]])
    covariances = (squares - n * np.outer(means, means)) / max(n - 1, 1)
    variables = ("value", "denominator") if is_ratio else ("value",)
    k = len(variables)
    return aggregate_of_moments(variables, n, means[:k], covariances[:k, :k])
