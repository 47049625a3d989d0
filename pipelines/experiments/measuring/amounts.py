"""Writes the SQL that measures every listener: a pass over a table for all amounts it can hold.

Counts and sums of one table share a pass. What needs the different values of a column (days,
creators) shares one pass a column: first counted by listener and value, then by listener.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.experiments.measuring.metrics import KEYED, Measure, Metric, Value, columns_of

DAY_MS = 86_400_000
AGE_SHIFT_DAYS = 1_000  # ages before the exposure become positive: SQL divides towards 0


@dataclass(frozen=True)
class Amount:
    """A measure over a window of a listener's age, the time since their first exposure."""

    measure: Measure
    first_ms: int
    """Age at which the window begins; negative before the exposure."""
    until_ms: int | None
    """Age at which it ends; none is until now."""

    @property
    def condition(self) -> str:
        """SQL that is true for rows that count."""
        bounds = [f"age >= {self.first_ms}"]
        if self.until_ms is not None:
            bounds.append(f"age < {self.until_ms}")
        return " AND ".join((*bounds, *rows_that_count(self.measure)))


@dataclass(frozen=True)
class Pass:
    """Amounts that one query measures."""

    table: str
    key: str
    """The column whose different values are counted; "" for counts and sums."""
    amounts: tuple[Amount, ...]


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
    groups: dict[tuple[str, str], list[Amount]] = {}
    for amount in every.values():
        groups.setdefault((amount.measure.table, key_of(amount.measure)), []).append(amount)
    return [Pass(table, key, tuple(amounts)) for (table, key), amounts in groups.items()]


def key_of(measure: Measure) -> str:
    """Return the column whose different values a measure counts; "" for counts and sums."""
    if measure.take not in KEYED:
        return ""
    return "day" if measure.take == "days" else measure.of


def pass_query(one: Pass, since_ms: int, until_ms: int, *, by_day: bool = False) -> str:
    """Return SQL for `row` (and `day`) and amounts `a0`, `a1`, … of listeners with any row.

    Args:
        one: What is measured.
        since_ms: Rows before do not count, UTC milliseconds.
        until_ms: Nor do rows from here on.
        by_day: Measure every day of 24 hours since the exposure by itself.
    """
    source = _source(one, since_ms, until_ms)
    group = "row, day" if by_day else "row"
    if not one.key:
        sums = ", ".join(f"{_sum(a)} AS a{at}" for at, a in enumerate(one.amounts))
        return f"SELECT {group}, {sums} FROM ({source}) GROUP BY {group}"  # noqa: S608
    key = f"c_{one.key}" if one.key != "day" else "day"
    inner_group = group if key in group.split(", ") else f"{group}, {key}"
    counts = ", ".join(
        f"count(*) FILTER (WHERE {a.condition}) AS n{at}" for at, a in enumerate(one.amounts)
    )
    inner = (
        f"SELECT {inner_group}, {counts} FROM ({source}) WHERE {key} IS NOT NULL "  # noqa: S608
        f"GROUP BY {inner_group}"
    )
    spread = ", ".join(f"{_spread(a, at)} AS a{at}" for at, a in enumerate(one.amounts))
    return f"SELECT {group}, {spread} FROM ({inner}) GROUP BY {group}"  # noqa: S608


def rows_that_count(measure: Measure) -> list[str]:
    """Return the conditions of a measure on the columns of its source."""
    found = [
        f"c_{name} IN ({', '.join(map(_literal, values))})"
        for name, values in measure.where.items()
    ]
    if measure.of:
        found.append(f"c_{measure.of} IS NOT NULL")
    return found


def _source(one: Pass, since_ms: int, until_ms: int) -> str:
    """Return SQL for rows of listeners with their age, day and the columns that are needed."""
    known = columns_of(one.table)
    needed = _columns([amount.measure for amount in one.amounts])
    columns = "".join(f", {known[name]} AS c_{name}" for name in needed)
    joined = any("t." in known[name] for name in needed)
    tracks = "LEFT JOIN tracks t ON t.track_id = e.track_id " if joined else ""
    age = 'epoch_ms(e."at") - l.exposed_ms'
    return (
        f"SELECT l.row, {age} AS age, "  # noqa: S608
        f"({age} + {AGE_SHIFT_DAYS * DAY_MS}) // {DAY_MS} - {AGE_SHIFT_DAYS} AS day{columns} "
        f"FROM {one.table} e JOIN listeners l ON l.user_id = e.user_id {tracks}"
        f'WHERE e."at" >= to_timestamp({since_ms / 1000!r}) '
        f'AND e."at" < to_timestamp({until_ms / 1000!r})'
    )


def _columns(measures: Sequence[Measure]) -> list[str]:
    names = [name for m in measures for name in (*m.where, *([m.of] if m.of else []))]
    return list(dict.fromkeys(names))


def _sum(amount: Amount) -> str:
    inside = f"FILTER (WHERE {amount.condition})"
    if amount.measure.take == "count":
        return f"count(*) {inside} / {amount.measure.per!r}"
    total = f"sum(c_{amount.measure.of}) {inside}"
    return f"coalesce({total}, 0)::DOUBLE / {amount.measure.per!r}"


def _spread(amount: Amount, at: int) -> str:
    if amount.measure.take == "concentration":
        # 0 / 0 is NaN in SQL, which would stand for a listener who did nothing.
        found = f"sum(n{at} * n{at}) / nullif(sum(n{at}), 0)"
        return f"coalesce({found}, 0)::DOUBLE / {amount.measure.per!r}"
    return f"count(*) FILTER (WHERE n{at} > 0) / {amount.measure.per!r}"


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"
