"""Every listener's amounts: tallied by DuckDB, added up a metric at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from pipelines.experiments.measuring.amounts import (
    DAY_MS,
    Amount,
    Pass,
    amounts_of,
    passes_of,
)
from pipelines.experiments.measuring.listeners import Arrivals
from pipelines.experiments.measuring.metrics import Metric
from pipelines.experiments.measuring.tallies import (
    HEARD,
    Tally,
    hold_concentration,
    hold_rows,
    tally,
)
from pipelines.experiments.statistics.capping import cap_values, winsorising_cap

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
VARIABLES = ("value", "denominator", "covariate", "covariate_denominator")


@dataclass(frozen=True, eq=False)
class Columns:
    """One metric of every listener whose window is over."""

    keep: Mask
    """(n,) which listeners those are."""
    variables: tuple[str, ...]
    """Names of the columns, as aggregates call them."""
    matrix: Floats
    """(k, kept) a row a variable."""


class Values:
    """What was measured of the listeners; columns are made when a metric is asked for.

    Args:
        connection: Where it lies; its table `listeners` has the arrivals' rows.
        arrivals: The listeners.
        metrics: By name.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        arrivals: Arrivals,
        metrics: Mapping[str, Metric],
    ) -> None:
        self.arrivals = arrivals
        self.metrics = dict(metrics)
        self._connection = connection
        self._places: dict[str, tuple[Tally, int]] = {}
        self._spread: dict[str, str] = {}
        self._measure(metrics.values())

    def columns(self, name: str) -> Columns:
        """Return a metric's columns: capped, made a share, without whose window is not over."""
        metric = self.metrics[name]
        arrivals = self.arrivals
        reach = round(metric.reach_days * DAY_MS)
        keep = (
            np.ones(len(arrivals), dtype=bool)
            if metric.window_days is None
            else arrivals.exposed_ms + reach <= arrivals.until_ms
        )
        found = [self._amount(amount)[keep] for amount in amounts_of(metric)]
        half = 1 if metric.denominator is None else 2
        names = [*VARIABLES[:half], *(VARIABLES[2 : 2 + half] if metric.pre_days else ())]
        if metric.kind == "share":
            found[0] = (found[0] > 0).astype(np.float64)
        if metric.cap is not None and keep.any():
            for at in (0, half) if metric.pre_days else (0,):
                found[at] = cap_values(found[at], winsorising_cap(found[at], metric.cap))
        return Columns(keep, tuple(names), np.stack(found))

    def _measure(self, metrics: Iterable[Metric]) -> None:
        chosen = list(metrics)
        before = round(max([0.0, *(metric.pre_days for metric in chosen)]) * DAY_MS)
        since = int(self.arrivals.exposed_ms.min()) - before
        passes = passes_of(chosen)
        for table in dict.fromkeys(one.table for one in passes):
            own = [one for one in passes if one.table == table]
            hold_rows(self._connection, own, since, self.arrivals.until_ms)
            for number, one in enumerate(own):
                self._take(one, number, f"{table}_{number}")
        self._connection.execute(f"DROP TABLE {HEARD}")

    def _take(self, one: Pass, number: int, table: str) -> None:
        if one.is_tally:
            found = tally(self._connection, one, number)
            self._places |= {repr(a): (found, at) for at, a in enumerate(one.amounts)}
            return
        hold_concentration(self._connection, one, number, table)
        self._spread |= {
            repr(a): f"SELECT row, a{at} AS amount FROM {table}"  # noqa: S608
            for at, a in enumerate(one.amounts)
        }

    def _amount(self, amount: Amount) -> Floats:
        """Return an amount of every listener, 0 for those who did nothing, (n,)."""
        if repr(amount) in self._places:
            tallied, bit = self._places[repr(amount)]
            return tallied.amount(amount, bit, len(self.arrivals))
        # Rows come with their column: no two queries need to answer in one order.
        answer = self._connection.execute(self._spread[repr(amount)]).fetchnumpy()
        found = np.zeros(len(self.arrivals))
        found[np.asarray(answer["row"], dtype=np.int64)] = np.asarray(answer["amount"])
        return found
