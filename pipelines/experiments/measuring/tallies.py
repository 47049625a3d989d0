"""Tallies amounts in DuckDB: a row's answers to all conditions are the bits of one number.

A hundred filtered sums a row would cost a hundred visits to a listener's state. Here rows of one
listener with the same bits are counted together, and an amount is the sum over the numbers that
have its bit. The table is read once for all passes; queries that outgrow memory go on on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from pipelines.experiments.measuring.amounts import Amount, Pass, rows_that_count, source_query

Floats = NDArray[np.float64]
HEARD = "heard"


@dataclass(frozen=True, eq=False)
class Tally:
    """How often each listener had rows that the same amounts count, in order of the bits."""

    rows: NDArray[np.int32]
    """(m,) the listener."""
    kinds: NDArray[np.int64]
    """(b,) the different bits, rising."""
    edges: NDArray[np.int64]
    """(b + 1,) where each of them begins, and the end."""
    n: NDArray[np.int32]
    """(m,) rows of the table, or values of the pass's key."""
    sums: dict[str, Floats]
    """Column → (m,) its sum over the rows."""

    def amount(self, amount: Amount, bit: int, listeners: int) -> Floats:
        """Return an amount of every listener, (listeners,)."""
        measure = amount.measure
        added = self.sums[measure.of] if measure.take == "sum" else self.n
        places = [
            slice(self.edges[at], self.edges[at + 1])
            for at in np.flatnonzero(self.kinds & (1 << bit))
        ]
        if not places:
            return np.zeros(listeners)
        rows = np.concatenate([self.rows[place] for place in places])
        weights = np.concatenate([added[place] for place in places])
        return np.bincount(rows, weights, listeners) / measure.per


def hold_rows(
    connection: duckdb.DuckDBPyConnection, passes: Sequence[Pass], since_ms: int, until_ms: int
) -> None:
    """Put the rows of one table into a temporary table, with the bits of every pass.

    Args:
        connection: Of the warehouse, with the table `listeners`.
        passes: Over one table.
        since_ms: Rows before do not count, UTC milliseconds.
        until_ms: Nor do rows from here on.
    """
    asked: dict[str, str] = {}  # each window and condition is asked once, whoever shares it
    bits = ", ".join(f"{_bits(one, asked)} AS bits_{at}" for at, one in enumerate(passes))
    answers = "".join(f", {condition} AS {name}" for condition, name in asked.items())
    keys = [f"c_{one.key}" for one in passes if one.key not in ("", "day")]
    sums = [f"c_{name}" for one in passes for name in one.sums]
    columns = ", ".join(dict.fromkeys(["row", "day", *keys, *sums]))
    source = source_query(passes, since_ms, until_ms)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {HEARD} AS SELECT {columns}, {bits} FROM "  # noqa: S608
        f"(SELECT *{answers} FROM ({source}))"
    )


def tally(connection: duckdb.DuckDBPyConnection, one: Pass, number: int) -> Tally:
    """Tally one pass over the rows that are held.

    Args:
        connection: With the rows.
        one: The pass.
        number: Its place among the passes that they are held for.
    """
    key = "day" if one.key == "day" else f"c_{one.key}"
    rows = (
        f"SELECT row, bit_or(bits_{number}) AS bits FROM {HEARD} "  # noqa: S608
        f"WHERE bits_{number} <> 0 GROUP BY row, {key}"
        if one.key
        else f"SELECT *, bits_{number} AS bits FROM {HEARD} WHERE bits_{number} <> 0"  # noqa: S608
    )
    added = "".join(
        f", coalesce(sum(c_{name}), 0)::DOUBLE AS s{at}" for at, name in enumerate(one.sums)
    )
    found = connection.execute(
        f"SELECT row::INTEGER AS row, bits, count(*)::INTEGER AS n{added} FROM ({rows}) "  # noqa: S608
        "GROUP BY row, bits"
    ).fetchnumpy()
    bits = np.asarray(found["bits"], dtype=np.int64)
    order = np.argsort(bits, kind="stable")
    kinds, first = np.unique(bits[order], return_index=True)
    return Tally(
        rows=np.asarray(found["row"], dtype=np.int32)[order],
        kinds=kinds,
        edges=np.append(first, bits.size),
        n=np.asarray(found["n"], dtype=np.int32)[order],
        sums={name: np.asarray(found[f"s{at}"])[order] for at, name in enumerate(one.sums)},
    )


def hold_concentration(
    connection: duckdb.DuckDBPyConnection, one: Pass, number: int, table: str
) -> None:
    """Measure a pass of concentrations into a table: `row`, `a0`, `a1` and so on.

    Args:
        connection: With the rows that are held.
        one: The pass.
        number: Its place among the passes that they are held for.
        table: Where it is put.
    """
    places = range(len(one.amounts))
    counts = ", ".join(
        f"count(*) FILTER (WHERE bits_{number} & {1 << at} <> 0) AS n{at}" for at in places
    )
    # 0 / 0 is NaN in SQL, which would stand for a listener who did nothing.
    values = ", ".join(
        f"coalesce(sum(n{at} * n{at}) / nullif(sum(n{at}), 0), 0)::DOUBLE / "
        f"{one.amounts[at].measure.per!r} AS a{at}"
        for at in places
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT row, {values} FROM "  # noqa: S608
        f"(SELECT row, {counts} FROM {HEARD} WHERE bits_{number} <> 0 "
        f"GROUP BY row, c_{one.key}) GROUP BY row"
    )


def _bits(one: Pass, asked: dict[str, str]) -> str:
    """Return SQL for the bits of a row: those whose window it is in and whose conditions it meets.

    Args:
        one: The pass.
        asked: Condition → the column that holds its answer; grows.
    """
    windows: dict[str, int] = {}
    conditions: dict[str, int] = {}
    for at, amount in enumerate(one.amounts):
        window = f"age >= {amount.first_ms}"
        if amount.until_ms is not None:
            window += f" AND age < {amount.until_ms}"
        condition = " AND ".join(rows_that_count(amount.measure)) or "true"
        windows[window] = windows.get(window, 0) | 1 << at
        conditions[condition] = conditions.get(condition, 0) | 1 << at
    return f"(({_masks(windows, asked)}) & ({_masks(conditions, asked)}))"


def _masks(masks: dict[str, int], asked: dict[str, str]) -> str:
    columns = [(asked.setdefault(c, f"q{len(asked)}"), mask) for c, mask in masks.items()]
    # A condition on a missing value is neither true nor false, and counts nothing.
    return " | ".join(f"CASE WHEN {name} THEN {mask}::BIGINT ELSE 0 END" for name, mask in columns)
