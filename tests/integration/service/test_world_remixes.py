"""A world's remixes over HTTP: they name their parents, and go with them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.schema import tracks
from core.workspace import open_workspace
from pipelines.job import Silent
from pipelines.world import create
from pipelines.world.config import WorldConfig
from pipelines.world.create import create_world
from tests.support.listening import record_silence
from tests.support.service_world import running_service, wait_until

WORLD = WorldConfig(tracks=30, listeners=20, days=3, track_seconds=5, remix_share=0.3, workers=1)


def lay_world(data: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Create the world and return remix → parent, of those that are on air by their status."""
    monkeypatch.setattr(create, "record_tracks", record_silence)
    with open_workspace(data) as workspace:
        assert create_world(workspace, WORLD, Silent()).remixes == 9
        with workspace.database.read() as connection:
            query = sa.select(tracks.c.track_id, tracks.c.parents).order_by(tracks.c.track_id)
            return {
                row.track_id: row.parents[0] for row in connection.execute(query) if row.parents
            }


def block(data: Path, track_id: str) -> None:
    with open_workspace(data) as workspace, workspace.database.write() as connection:
        chosen = sa.update(tracks).where(tracks.c.track_id == track_id)
        connection.execute(chosen.values(status="blocked", updated_at=tracks.c.updated_at + 1))


def test_blocking_a_track_takes_its_remixes_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent_of = lay_world(tmp_path / "data", monkeypatch)
    blocked = next(iter(parent_of.values()))
    gone = {blocked, *(remix for remix, parent in parent_of.items() if parent == blocked)}
    with running_service(tmp_path / "data") as running:
        shown = set(running.ids("u", size=100))
        assert gone & shown
        for remix, parent in parent_of.items():
            told = running.client.get(f"/v1/tracks/{remix}").json()
            assert told["provenance"]["parents"] == [parent]
        block(tmp_path / "data", blocked)
        # A new listener at every look: what one was shown just now would be missing anyway.
        looks = itertools.count()
        wait_until(lambda: not gone & set(running.ids(f"v{next(looks)}", size=100)), 5)
        for track_id in gone:
            assert running.client.get(f"/v1/tracks/{track_id}").status_code == 404
            assert running.client.get(f"/v1/tracks/{track_id}/audio").status_code == 404
        assert shown - gone <= set(running.ids("w", size=100))
