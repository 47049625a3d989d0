"""The ledger at size: `python -m benchmarks.ledger_size FOLDER --events 10000000`.

Fills a new data folder with listening that nobody did (as many events as asked for, half as many
slots, 60 days, a creator for each five tracks, every fifth track generated), then draws up its
ledger and prints how long that took and how much memory. The time of filling does not count.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa

from core.events import DAY_MS
from core.schema import tracks
from core.tables import EVENTS, IMPRESSIONS, TIME
from core.workspace import Workspace, open_workspace
from pipelines.job import Silent
from pipelines.supply.ledger.configuration import LedgerConfig, RevenueConfig
from pipelines.supply.ledger.run import Period, balance
from pipelines.traffic import TrafficConfig
from ranking.supply.holdout import GeneratedConfig

START_MS = 1_767_225_600_000  # 2026-01-01
DAYS = 60
OUTCOMES = {"play": 0.5, "finish": 0.25, "skip": 0.2, "like": 0.05}


def fill(workspace: Workspace, n_events: int, listeners: int, n_tracks: int) -> None:
    """Write tracks into the store, events and slots into the warehouse, day by day."""
    rng = np.random.default_rng(1)
    rows = [
        {
            "track_id": f"track-{number:08d}",
            "creator_id": "generator:synth" if number % 5 == 0 else f"creator-{number // 5:07d}",
            "origin": "generated" if number % 5 == 0 else "human",
            "generator": "synth" if number % 5 == 0 else None,
            "duration_ms": 180_000,
            "updated_at": START_MS,
        }
        for number in range(n_tracks)
    ]
    with workspace.database.write() as connection:
        connection.execute(sa.insert(tracks), rows)
    with workspace.warehouse.batch() as batch:
        for day in range(DAYS):
            events = _rows(rng, day, n_events // DAYS, listeners, n_tracks).with_columns(
                event_id=pl.format("event-{}-{}", pl.lit(day), pl.int_range(pl.len())),
                action=pl.Series(rng.choice([*OUTCOMES], n_events // DAYS, p=[*OUTCOMES.values()])),
                played_ms=pl.Series(rng.integers(0, 180_000, n_events // DAYS)),
                track_ms=pl.lit(180_000),
            )
            batch.append(EVENTS, events)
            slots = _rows(rng, day, n_events // DAYS // 2, listeners, n_tracks).with_columns(
                request_id=pl.format("page-{}-{}", pl.lit(day), pl.int_range(pl.len()) // 20)
            )
            batch.append(IMPRESSIONS, slots)
        with batch.commit():
            pass


def _rows(
    rng: np.random.Generator, day: int, count: int, listeners: int, n_tracks: int
) -> pl.DataFrame:
    """Return who met what and when; some tracks are met far more often than others."""
    chosen = (n_tracks * rng.random(count) ** 3).astype(np.int64)
    return pl.DataFrame(
        {
            "user": rng.integers(0, listeners, count),
            "track": chosen,
            "at": START_MS + day * DAY_MS + np.sort(rng.integers(0, DAY_MS, count)),
        }
    ).select(
        user_id=pl.format("user-{}", pl.col("user").cast(pl.String).str.zfill(8)),
        track_id=pl.format("track-{}", pl.col("track").cast(pl.String).str.zfill(8)),
        at=pl.col("at").cast(TIME),
    )


def main() -> None:
    """Fill a folder where there is nothing in it, and time its ledger."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--listeners", type=int, default=100_000)
    parser.add_argument("--tracks", type=int, default=100_000)
    args = parser.parse_args()
    with open_workspace(args.folder) as workspace:
        if not workspace.warehouse.files(EVENTS):
            fill(workspace, args.events, args.listeners, args.tracks)
        config = LedgerConfig(revenue=RevenueConfig(pool_per_day=1000.0))
        started = time.perf_counter(), time.process_time()
        report = balance(workspace, config, TrafficConfig(), GeneratedConfig(), Period(), Silent())
        took = time.perf_counter() - started[0], time.process_time() - started[1]
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        json.dumps(
            {
                "events": args.events,
                "slots": report.total.slots,
                "paid_cents": report.total.revenue_cents,
                "pool_cents": report.pool_cents,
                "seconds": round(took[0], 1),
                "processor_seconds": round(took[1], 1),
                "peak_gb": round(peak_gb, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
