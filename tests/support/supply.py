"""Workshops for tests: a store, generators and a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from core.schema import deliveries, generation_tasks, tracks
from core.workspace import Workspace
from pipelines.supply.configuration import SupplyConfig
from pipelines.supply.generators.protocol import MusicGenerator
from pipelines.supply.ordering.workshop import Workshop
from ranking.supply.brief import Brief
from ranking.supply.desk import Desk

START_MS = 1_767_225_600_000  # 2026-01-01, midnight UTC
DAY_MS = 86_400_000


@dataclass
class Clock:
    """A clock that moves when it is told to."""

    now_ms: int = START_MS
    step_ms: int = 0
    told: list[int] = field(default_factory=list)

    def __call__(self) -> int:
        self.now_ms += self.step_ms
        return self.now_ms


def config(**sections: Any) -> SupplyConfig:
    """Return settings in which nothing waits, with sections put over them."""
    orders = {"first_retry_s": 4.0, "poll_s": 10.0, "max_attempts": 3}
    budget = {"cost_per_day": 100.0, "cost_per_track": {"mureka": 0.5}}
    sections["orders"] = orders | sections.get("orders", {})
    sections["budget"] = budget | sections.get("budget", {})
    return SupplyConfig.model_validate(sections)


def workshop(
    workspace: Workspace,
    roster: Mapping[str, MusicGenerator],
    clock: Clock | None = None,
    settings: SupplyConfig | None = None,
    **others: Any,
) -> Workshop:
    """Return a worker."""
    return Workshop(workspace, settings or config(), roster, clock or Clock(), **others)


def brief(**changes: Any) -> Brief:
    """Return a small brief."""
    plain = {
        "title": "Night drive", "prompt": "slow synthwave", "tags": ["synthwave"],
        "seconds": (5.0, 6.0), "tempo_bpm": 100.0, "key": "A minor",
        "deadline_ms": START_MS + 30 * DAY_MS,
    }  # fmt: skip
    return Brief.model_validate(plain | changes)


def approved(workspace: Workspace, brief_id: str = "b", **changes: Any) -> str:
    """Lay a brief on the desk and approve it."""
    desk = Desk(workspace.database)
    desk.add(brief(**changes), segment_id="s", now_ms=START_MS, brief_id=brief_id)
    desk.approve(brief_id, who="ada", now_ms=START_MS)
    return brief_id


def tasks(workspace: Workspace) -> list[Any]:
    """Return every order, in order of id."""
    return _all(workspace, sa.select(generation_tasks).order_by(generation_tasks.c.task_id))


def arrived(workspace: Workspace) -> list[Any]:
    """Return every delivered track with its row, in order."""
    joined = sa.select(deliveries, tracks).join(tracks, tracks.c.track_id == deliveries.c.track_id)
    return _all(workspace, joined.order_by(deliveries.c.task_id, deliveries.c.number))


def audio_files(workspace: Workspace) -> list[str]:
    """Return everything below the folder of audio, half-written files among it."""
    return sorted(
        path.relative_to(workspace.audio).as_posix()
        for path in workspace.audio.rglob("*")
        if path.is_file()
    )


def _all(workspace: Workspace, query: Any) -> list[Any]:
    with workspace.database.read() as connection:
        return list(connection.execute(query).all())
