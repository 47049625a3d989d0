"""The same files give the same history on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from core.tables import EVENTS, TRACKS
from core.workspace import Workspace, open_workspace
from pipelines.compact import compact
from pipelines.importers.events import import_events
from pipelines.importers.options import FileOptions
from pipelines.importers.tracks import import_tracks
from pipelines.job import Silent
from tests.support.killing import state_of

pytest_plugins = ["tests.support.postgres"]

NOW = 1_760_000_000_000
N_EVENTS = 6_000  # enough that PostgreSQL takes the tallies by COPY


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(7)
    known = pl.DataFrame(
        {
            "track_id": [str(n) for n in range(40)],
            "creator_id": [f"c{n % 7}" for n in range(40)],
            "tags": [["a", f"t{n % 3}"] for n in range(40)],
            "released_at": rng.integers(NOW - 10**12, NOW, 40),
            "explicit": rng.integers(0, 2, 40),
            "mood": [f"m{n}" for n in range(40)],
        }
    )
    told = pl.DataFrame(
        {
            "user_id": rng.integers(0, 400, N_EVENTS),
            "track_id": rng.integers(0, 60, N_EVENTS),
            "at": NOW - rng.integers(0, 3 * 86_400_000, N_EVENTS),
            "action": rng.choice(["play", "like", "dislike", "follow", "save"], N_EVENTS),
        }
    )
    paths = tmp_path / "tracks.parquet", tmp_path / "events.parquet"
    known.write_parquet(paths[0])
    told.write_parquet(paths[1])
    return paths


def fill(workspace: Workspace, files: tuple[Path, Path]) -> None:
    for _ in range(2):
        import_tracks(workspace, [files[0]], FileOptions(), Silent(), now_ms=NOW)
        import_events(workspace, [files[1]], FileOptions(), Silent(), now_ms=NOW)
    compact(workspace, NOW, Silent())


def test_both_stores_hold_the_same(
    tmp_path: Path, files: tuple[Path, Path], postgres_url: str
) -> None:
    with (
        open_workspace(tmp_path / "sqlite") as embedded,
        open_workspace(tmp_path / "postgres", postgres_url) as served,
    ):
        fill(embedded, files)
        fill(served, files)
        assert embedded.warehouse.count(EVENTS) > 0.9 * N_EVENTS
        assert embedded.warehouse.count(TRACKS) == 60
        assert state_of(served) == state_of(embedded)
