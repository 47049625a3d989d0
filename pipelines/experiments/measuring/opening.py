"""Opens the warehouse for an analysis: bounded memory, and who is left out of every count."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import polars as pl

from core.tables import EVENTS
from core.warehouse import Warehouse
from pipelines.traffic import TrafficConfig, runaways

HEARD = ("user_id", "track_id", "action", "at", "played_ms", "device")


@contextmanager
def open_for_analysis(
    warehouse: Warehouse, memory_gb: float
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection that goes on on disk where memory ends."""
    with (
        tempfile.TemporaryDirectory(prefix="segue-analysis-") as folder,
        warehouse.connect() as connection,
    ):
        connection.execute(f"SET memory_limit = '{memory_gb}GB'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET temp_directory = '{folder}'")
        yield connection


def machines_of(
    warehouse: Warehouse, since_ms: int, until_ms: int, traffic: TrafficConfig
) -> pl.DataFrame:
    """Return listeners with a day that no person has in a period; columns user_id, reasons."""
    at = pl.col("at").dt.epoch("ms")
    events = warehouse.scan(EVENTS).select(HEARD).filter(at >= since_ms, at < until_ms)
    return runaways(events, traffic)
