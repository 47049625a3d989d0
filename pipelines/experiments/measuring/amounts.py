"""Writes the SQL that measures every listener: a pass over a table for all amounts it can hold.

Counts and sums of one table share a pass. What needs the different values of a column (days,
creators) shares one pass a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.experiments.measuring.metrics import KEYED, Measure, Metric, Value, columns_of

DAY_MS = 86_400_000
AGE_SHIFT_DAYS = 1_000  # ages before the exposure become positive: SQL divides towards 0
MOST_BITS = 62  # of a signed number of 64


@dataclass(frozen=True)
class Amount:
    """A measure over a window of a listener's age, the time since their first exposure."""

    measure: Measure
    first_ms: int
    """Age at which the window begins; negative before the exposure."""
    until_ms: int | None
    """Age at which it ends; none is until now."""


@dataclass(frozen=True)
class Pass:
    """Amounts that one query measures."""

    table: str
    key: str
    """The column whose different values are counted; "" for counts and sums."""
    amounts: tuple[Amount, ...]

    @property
    def is_tally(self) -> bool:
        """Whether bits can say it: all but what needs how often each value of a column came."""
        return all(amount.measure.take != "concentration" for amount in self.amounts)

    @property
    def sums(self) -> tuple[str, ...]:
        """The columns that are added up."""
        named = [a.measure.of for a in self.amounts if a.measure.take == "sum"]
        return tuple(dict.fromkeys(named))


def amounts_of(metric: Metric) -> tuple[Amount, ...]:
    """Return what has to be measured for a metric: numerator, denominator, both before."""
    measures = [m for m in (metric.numerator, metric.denominator) if m is not None]
    first = round(metric.delay_days * DAY_MS)
    until = None if metric.window_days is None else round(metric.reach_days * DAY_MS)
    found = [Amount(measure, first, until) for measure in measures]
    if metric.pre_days:
        found += [Amount(measure, -round(metric.pre_days * DAY_MS), 0) for measure in measures]
    return tuple(found)


def passes_of(metrics: Iterable[Metric]) -> list[Pass]:
    """Return the passes that measure every metric, each amount once."""
    # By what they say, not by themselves: measures hold mappings, which have no hash.
    every = {repr(amount): amount for metric in metrics for amount in amounts_of(metric)}
    groups: dict[tuple[str, str, bool], list[Amount]] = {}
    for amount in every.values():
        measure = amount.measure
        group = (measure.table, key_of(measure), measure.take == "concentration")
        groups.setdefault(group, []).append(amount)
    return [
        Pass(table, key, tuple(amounts[at : at + MOST_BITS]))
        for (table, key, _), amounts in groups.items()
        for at in range(0, len(amounts), MOST_BITS)
    ]


def key_of(measure: Measure) -> str:
    """Return the column whose different values a measure counts; "" for counts and sums."""
    if measure.take not in KEYED:
        return ""
    return "day" if measure.take == "days" else measure.of


def by_day_query(measure: Measure, since_ms: int, until_ms: int) -> str:
    """Return SQL for `row`, `day` and `amount`: every day of 24 hours since the exposure by itself.

    Args:
        measure: What is measured of rows at and after the exposure.
        since_ms: Rows before do not count, UTC milliseconds.
        until_ms: Nor do rows from here on.
    """
    one = Pass(measure.table, key_of(measure), (Amount(measure, 0, None),))
    conditions = " AND ".join(("age >= 0", *rows_that_count(measure)))
    rows = f"SELECT * FROM ({source_query((one,), since_ms, until_ms)}) WHERE {conditions}"  # noqa: S608
    if one.key in ("", "day"):
        amount = {"count": "count(*)", "days": "1.0"}.get(measure.take, f"sum(c_{measure.of})")
        value = f"{amount}::DOUBLE / {measure.per!r}"
        return f"SELECT row, day, {value} AS amount FROM ({rows}) GROUP BY row, day"  # noqa: S608
    inner = f"SELECT row, day, count(*) AS n FROM ({rows}) GROUP BY row, day, c_{one.key}"  # noqa: S608
    amount = "count(*)" if measure.take == "distinct" else "sum(n * n) / sum(n)"
    value = f"{amount}::DOUBLE / {measure.per!r}"
    return f"SELECT row, day, {value} AS amount FROM ({inner}) GROUP BY row, day"  # noqa: S608


def rows_that_count(measure: Measure) -> list[str]:
    """Return the conditions of a measure on the columns of its source."""
    found = [
        f"c_{name} IN ({', '.join(map(_literal, values))})"
        for name, values in measure.where.items()
    ]
    if measure.of:
        found.append(f"c_{measure.of} IS NOT NULL")
    return found


def source_query(passes: Sequence[Pass], since_ms: int, until_ms: int) -> str:
    """Return SQL for rows of listeners with their age, day and every column that passes need.

    Args:
        passes: Over one table.
        since_ms: Rows before do not count, UTC milliseconds.
        until_ms: Nor do rows from here on.
    """
    table = passes[0].table
    known = columns_of(table)
    needed = _columns([amount.measure for one in passes for amount in one.amounts])
    columns = "".join(f", {known[name]} AS c_{name}" for name in needed)
    joined = any("t." in known[name] for name in needed)
    tracks = "LEFT JOIN tracks t ON t.track_id = e.track_id " if joined else ""
    age = 'epoch_ms(e."at") - l.exposed_ms'
    return (
        f"SELECT l.row, {age} AS age, "  # noqa: S608
        f"({age} + {AGE_SHIFT_DAYS * DAY_MS}) // {DAY_MS} - {AGE_SHIFT_DAYS} AS day{columns} "
        f"FROM {table} e JOIN listeners l ON l.user_id = e.user_id {tracks}"
        f'WHERE e."at" >= to_timestamp({since_ms / 1000!r}) '
        f'AND e."at" < to_timestamp({until_ms / 1000!r})'
    )


def _columns(measures: Sequence[Measure]) -> list[str]:
    names = [name for m in measures for name in (*m.where, *([m.of] if m.of else []))]
    return list(dict.fromkeys(names))


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"
