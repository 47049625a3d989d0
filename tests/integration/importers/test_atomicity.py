"""An import killed at any moment happened whole or not at all, and running it again ends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from core.tables import EVENTS
from core.workspace import Workspace, open_workspace
from pipelines.importers.events import import_events
from pipelines.importers.impressions import import_impressions
from pipelines.importers.options import FileOptions
from pipelines.importers.report import ImportReport
from pipelines.job import Silent
from tests.support.killing import POINTS, run_and_kill, state_of, stray_files

NOW = 1_760_000_000_000
SCRIPT = """
from pathlib import Path
from core.workspace import open_workspace
from pipelines.importers.{job} import import_{job}
from pipelines.importers.options import FileOptions
from pipelines.job import Silent
with open_workspace(Path({root!r})) as workspace:
    import_{job}(workspace, [Path({file!r})], FileOptions(), Silent(), now_ms={now})
"""
Run = Callable[[Workspace, Path], ImportReport]


def events_file(folder: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    n = 300
    frame = pl.DataFrame(
        {
            "user_id": rng.integers(0, 20, n),
            "track_id": rng.integers(0, 50, n),
            "at": NOW - rng.integers(0, 5 * 86_400_000, n),
            "action": rng.choice(["play", "finish", "like", "dislike", "save", "follow"], n),
        }
    )
    path = folder / f"events-{seed}.parquet"
    frame.write_parquet(path)
    return path


def impressions_file(folder: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    n = 200
    frame = pl.DataFrame(
        {
            "user_id": rng.integers(0, 20, n),
            "track_id": rng.integers(0, 50, n),
            "at": NOW - rng.integers(0, 5 * 86_400_000, n),
            "play": rng.integers(0, 2, n),
            "like": rng.integers(0, 2, n),
            "creator_id": rng.integers(0, 9, n),
        }
    )
    path = folder / f"impressions-{seed}.parquet"
    frame.write_parquet(path)
    return path


def run_events(workspace: Workspace, file: Path) -> ImportReport:
    return import_events(workspace, [file], FileOptions(), Silent(), now_ms=NOW)


def run_impressions(workspace: Workspace, file: Path) -> ImportReport:
    return import_impressions(workspace, [file], FileOptions(), Silent(), now_ms=NOW)


JOBS = {"events": (events_file, run_events), "impressions": (impressions_file, run_impressions)}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("job", JOBS)
def test_a_killed_import_happened_whole_or_not_at_all(tmp_path: Path, job: str, point: str) -> None:
    make_file, run = JOBS[job]
    earlier, file = make_file(tmp_path, 1), make_file(tmp_path, 2)
    with open_workspace(tmp_path / "whole") as workspace:
        run(workspace, earlier)
        before = state_of(workspace)
        run(workspace, file)
        after = state_of(workspace)
    assert before != after

    root = tmp_path / "killed"
    with open_workspace(root) as workspace:
        run(workspace, earlier)
    script = SCRIPT.format(job=job, root=str(root), file=str(file), now=NOW)
    run_and_kill(script, point)
    with open_workspace(root) as workspace:
        assert state_of(workspace) == (after if point == "after the commit" else before)
        again = run(workspace, file)
        assert (again.imported == 0) == (point == "after the commit")
        assert state_of(workspace) == after
        with workspace.warehouse.batch():
            pass  # whoever writes next sweeps; files of a replaced snapshot keep their hour
        strays = {path.parent.name for path in stray_files(workspace)}
        assert strays <= {"tracks"}
        assert not list((root / "warehouse" / ".staging").rglob("*.parquet"))


@pytest.mark.parametrize("job", JOBS)
def test_imported_again_nothing_changes(tmp_path: Path, job: str) -> None:
    make_file, run = JOBS[job]
    file = make_file(tmp_path, 1)
    with open_workspace(tmp_path / "data") as workspace:
        first = run(workspace, file)
        once = state_of(workspace)
        fingerprints = workspace.warehouse.fingerprint(EVENTS)
        second = run(workspace, file)
        assert state_of(workspace) == once
        assert workspace.warehouse.fingerprint(EVENTS) == fingerprints
    assert first.imported + first.duplicates == first.rows_read
    assert (second.imported, second.events, second.tracks, second.users) == (0, 0, 0, 0)
    assert second.duplicates == second.rows_read


def test_read_in_parts_it_is_the_same_history(tmp_path: Path) -> None:
    file = events_file(tmp_path, 1)
    with open_workspace(tmp_path / "whole") as whole, open_workspace(tmp_path / "parts") as parts:
        run_events(whole, file)
        import_events(parts, [file], FileOptions(), Silent(), now_ms=NOW, chunk_rows=37)
        assert state_of(parts) == state_of(whole)
