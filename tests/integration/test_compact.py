"""What happened moves into the warehouse exactly once, also when the move is killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from core.database import upsert
from core.events import DAY_MS, Interaction
from core.schema import events, requests, tracks
from core.tables import CANDIDATES, EVENTS, EXPOSURES, IMPRESSIONS, TRACKS
from core.workspace import Workspace, open_workspace
from pipelines.compact import KEEP_DAYS, CompactReport, compact
from pipelines.importers.events import import_events
from pipelines.importers.options import FileOptions
from pipelines.job import Silent
from ranking.listeners.record import record_interactions
from ranking.pagelog import append_pages
from tests.support.killing import POINTS, run_and_kill, state_of

NOW = 1_760_000_000_000
N_EVENTS = 30
N_PAGES = 7
SCRIPT = """
from pathlib import Path
from core.workspace import open_workspace
from pipelines.compact import compact
from pipelines.job import Silent
with open_workspace(Path({root!r})) as workspace:
    compact(workspace, {now}, Silent(), events_a_step=10, pages_a_step=3)
"""


def told(number: int) -> Interaction:
    return Interaction(
        event_id=f"e{number}",
        user_id=f"u{number % 3}",
        track_id=f"t{number % 4}",
        action="play",
        at=NOW - number * DAY_MS // 10,
        position=number,
        is_organic=bool(number % 2),
    )


def page(number: int) -> dict[str, Any]:
    """A page of two slots out of three candidates."""
    table = pa.table(
        {
            "track_id": pa.array(["t0", "t1", "t2"], pa.string()),
            "score": pa.array([3.0, 2.0, 1.0], pa.float32()),
            "sources": pa.array([1, 2, 3], pa.uint64()),
            "features": pa.array([[1.0], [2.0], [3.0]], pa.list_(pa.float32(), 1)),
        }
    ).replace_schema_metadata({"sources": json.dumps(["a", "b"]), "features": json.dumps(["x"])})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    slots = [
        {"track_id": f"t{at}", "position": at, "source": "a", "reason": "", "score": 1.0}
        | {"propensity": 1.0, "is_fresh": False}
        for at in range(2)
    ]
    return {
        "request_id": f"r{number}",
        "user_id": "u0",
        "at": NOW - number * 1000,
        "surface": "home",
        "variant": "",
        "degraded": False,
        "seed": number,
        "artifacts": {},
        "drops": {},
        "slots": slots,
        "candidates": bytes(sink.getvalue().to_pybytes()),
        "exposures": [{"experiment": "x", "variation": "control", "differs": None}],
    }


def fill(workspace: Workspace) -> None:
    with workspace.database.write() as connection:
        upsert(connection, tracks, [{"track_id": f"t{n}", "updated_at": 0} for n in range(4)])
        append_pages(connection, [page(n) for n in range(N_PAGES)])
    record_interactions(workspace.database, [told(n) for n in range(N_EVENTS)], NOW)


def run(workspace: Workspace, now_ms: int = NOW) -> CompactReport:
    return compact(workspace, now_ms, Silent(), events_a_step=10, pages_a_step=3)


def moved(workspace: Workspace) -> dict[str, list[Any]]:
    """What stands in the warehouse, and what the store still has to move."""
    state = {name: rows for name, rows in state_of(workspace).items() if "warehouse" in name}
    with workspace.database.read() as connection:
        for table in (events, requests):
            unmoved = sa.select(table).where(table.c.batch_id.is_(None))
            state[table.name] = sorted(map(repr, connection.execute(unmoved)))
    return state


def test_everything_moves_and_nothing_twice(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as workspace:
        fill(workspace)
        first = run(workspace)
        assert (first.events, first.pages) == (N_EVENTS, N_PAGES)
        assert (first.impressions, first.candidates) == (2 * N_PAGES, 3 * N_PAGES)
        assert first.tracks == 4
        exposed = workspace.warehouse.scan(EXPOSURES).collect()
        assert sorted(exposed["request_id"]) == sorted(f"r{n}" for n in range(N_PAGES))
        state = state_of(workspace)
        files = [workspace.warehouse.files(t) for t in (EVENTS, IMPRESSIONS, CANDIDATES, TRACKS)]
        second = run(workspace)
        assert second.model_dump(exclude={"seconds"}) == dict.fromkeys(
            CompactReport.model_fields.keys() - {"seconds"}, 0
        )
        assert state_of(workspace) == state
        again = [workspace.warehouse.files(t) for t in (EVENTS, IMPRESSIONS, CANDIDATES, TRACKS)]
        assert again == files


def test_moved_events_are_those_that_were_told(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as workspace:
        fill(workspace)
        run(workspace)
        found = workspace.warehouse.read(EVENTS).sort("position").to_dicts()
    assert [row["event_id"] for row in found] == [f"e{n}" for n in range(N_EVENTS)]
    for number, row in enumerate(found):
        expected = told(number).model_dump(mode="json")
        assert row.pop("at").timestamp() * 1000 == expected.pop("at")
        assert row == expected


@pytest.mark.parametrize("point", POINTS)
def test_killed_it_goes_on_where_it_stood(tmp_path: Path, point: str) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with open_workspace(whole) as workspace:
        fill(workspace)
        untouched = moved(workspace)
        run(workspace)
        expected = moved(workspace)
    with open_workspace(killed) as workspace:
        fill(workspace)
    run_and_kill(SCRIPT.format(root=str(killed), now=NOW), point)
    with open_workspace(killed) as workspace:
        n_moved = workspace.warehouse.count(EVENTS)
        assert n_moved == (10 if point == "after the commit" else 0)
        assert len(workspace.warehouse.read(EVENTS)) == n_moved
        assert (moved(workspace) == untouched) == (n_moved == 0)
        assert run(workspace).events == N_EVENTS - n_moved
        assert moved(workspace) == expected


def test_what_is_old_and_moved_is_forgotten_by_the_store_alone(tmp_path: Path) -> None:
    later = NOW + KEEP_DAYS * DAY_MS + 1
    with open_workspace(tmp_path) as workspace:
        fill(workspace)
        assert run(workspace).pruned_events == 0
        late = told(99).model_copy(update={"at": later})
        record_interactions(workspace.database, [late], later)
        report = run(workspace, later)
        assert (report.events, report.pruned_events, report.pruned_pages) == (1, N_EVENTS, N_PAGES)
        with workspace.database.read() as connection:
            assert connection.execute(sa.select(events.c.event_id)).scalars().all() == ["e99"]
            assert connection.execute(sa.select(requests)).all() == []
        assert workspace.warehouse.count(EVENTS) == N_EVENTS + 1
        assert workspace.warehouse.count(IMPRESSIONS) == 2 * N_PAGES


def test_an_event_that_was_posted_and_imported_counts_once(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    row = told(0).model_dump(mode="json", exclude_none=True)
    file.write_text(json.dumps(row) + "\n" + json.dumps({**row, "event_id": "other"}) + "\n")
    with open_workspace(tmp_path / "data") as workspace:
        fill(workspace)
        report = import_events(workspace, [file], FileOptions(), Silent(), now_ms=NOW)
        assert (report.imported, report.duplicates) == (1, 1)
        run(workspace)
        ids = workspace.warehouse.read(EVENTS)["event_id"].sort().to_list()
        assert ids == sorted(["other", *(f"e{n}" for n in range(N_EVENTS))])
