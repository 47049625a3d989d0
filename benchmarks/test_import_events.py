"""How fast a history comes in: Parquet into warehouse and tallies, end to end.

The promise is 100,000 events a second on two cores.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from core.workspace import open_workspace
from pipelines.importers.events import import_events
from pipelines.importers.options import FileOptions
from pipelines.importers.report import ImportReport
from pipelines.job import Silent

N_EVENTS = 3_000_000
N_USERS = 50_000
N_TRACKS = 100_000
DAYS = 30
START_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Listens with how they ended: a play each, a finish or skip for most, few opinions."""
    rng = np.random.default_rng(7)
    n_listens = N_EVENTS * 10 // 19  # 0.55 finishes, 0.3 skips and 0.05 likes for each play
    at = START_MS + rng.integers(0, DAYS * 86_400_000, n_listens)
    popularity = 1 / np.arange(1, N_TRACKS + 1) ** 0.8  # measured logs lie between 0.6 and 1
    tracks = rng.choice(N_TRACKS, n_listens, p=popularity / popularity.sum())
    users = rng.integers(0, N_USERS, n_listens)
    listens = pl.DataFrame({"user_id": users, "track_id": tracks, "at": at, "action": "play"})
    end = rng.random(n_listens)
    later = pl.col("at") + 180_000
    parts = [
        listens,
        listens.filter(pl.Series(end < 0.55)).with_columns(at=later, action=pl.lit("finish")),
        listens.filter(pl.Series(end > 0.7)).with_columns(at=later, action=pl.lit("skip")),
        listens.filter(pl.Series(end < 0.05)).with_columns(at=later, action=pl.lit("like")),
    ]
    path = tmp_path_factory.mktemp("history") / "events.parquet"
    pl.concat(parts).sort("at").write_parquet(path)
    return path


def test_import_events_from_parquet(benchmark: Any, history: Path, tmp_path: Path) -> None:
    reports: list[ImportReport] = []

    def run() -> None:
        root = tmp_path / "data"
        shutil.rmtree(root, ignore_errors=True)
        with open_workspace(root) as workspace:
            reports.append(import_events(workspace, [history], FileOptions(), Silent(), now_ms=0))

    benchmark.pedantic(run, rounds=1)
    report = reports[-1]
    benchmark.extra_info["events_per_s"] = round(report.events / report.seconds)
    print(f"\n{report.events:,} events, {report.events / report.seconds:,.0f} a second")
