"""The team's own past, measured as if an experiment had begun and nothing had been changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from core.errors import ExperimentError
from core.tables import EVENTS
from core.warehouse import Warehouse
from pipelines.experiments.configuration import AnalysisConfig
from pipelines.experiments.measuring.amounts import DAY_MS
from pipelines.experiments.measuring.listeners import admit_active
from pipelines.experiments.measuring.metric_file import chosen_metrics, read_metrics
from pipelines.experiments.measuring.opening import machines_of, open_for_analysis
from pipelines.experiments.measuring.values import Values
from pipelines.traffic import TrafficConfig


@dataclass(frozen=True, eq=False)
class Past:
    """Everybody who came in a period, from the moment they first did."""

    values: Values
    start_ms: int
    days: int

    def traffic(self) -> list[float]:
        """Return the different listeners seen until the end of each day, from the first."""
        day = (self.values.arrivals.exposed_ms - self.start_ms) // DAY_MS
        return [float(n) for n in np.cumsum(np.bincount(day, minlength=self.days))]


@contextmanager
def open_past(
    warehouse: Warehouse,
    config: AnalysisConfig,
    traffic: TrafficConfig,
    *,
    days: int,
    names: tuple[str, ...] = (),
) -> Iterator[Past]:
    """Measure the last days of the warehouse.

    Args:
        warehouse: The team's own.
        config: Metrics and limits.
        traffic: Which listeners are machines.
        days: How many of its last days, counted back from the last event.
        names: Metrics; all where none is named.

    Raises:
        ExperimentError: The warehouse has no events, or a metric is not declared.
    """
    latest = warehouse.scan(EVENTS).select("at").max().collect().item()
    if latest is None:
        raise ExperimentError(
            "the warehouse has no events to plan from; import events or run `segue compact` first"
        )
    until_ms = round(latest.timestamp() * 1000) + 1
    start_ms = until_ms - days * DAY_MS
    declared = read_metrics(config.metrics)
    metrics = chosen_metrics(declared, names or declared)
    with open_for_analysis(warehouse, config.memory_gb) as connection:
        machines = machines_of(warehouse, start_ms, until_ms, traffic)
        arrivals = admit_active(connection, start_ms, until_ms, machines)
        yield Past(Values(connection, arrivals, metrics), start_ms, days)
