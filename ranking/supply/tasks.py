"""The states of an order to a generator, and which of them is final."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from core.schema import deliveries, generation_tasks

TaskStatus = Literal[
    "planned", "submitting", "submitted", "unknown", "delivered", "failed", "withdrawn"
]
"""`planned` may be sent; `submitting` is being sent; `submitted` is theirs; `unknown` was sent, and
nobody knows whether it arrived; `delivered`, `failed` and `withdrawn` (never sent) are final."""
IN_FLIGHT: tuple[TaskStatus, ...] = ("submitting", "submitted", "unknown")
OPEN: tuple[TaskStatus, ...] = ("planned", *IN_FLIGHT)


def withdraw_planned(connection: sa.Connection, brief_id: str, reason: str, now_ms: int) -> int:
    """Take back the orders of a brief that were not sent; they give back what they reserved.

    Args:
        connection: Inside a write transaction.
        brief_id: Whose.
        reason: Why, kept with each.
        now_ms: UTC milliseconds.

    Returns:
        How many.
    """
    own = generation_tasks.c
    change = (
        sa.update(generation_tasks)
        .where(own.brief_id == brief_id, own.status == "planned")
        .values(status="withdrawn", tracks=0, cost=0.0, reason=reason, updated_at=now_ms)
    )
    return connection.execute(change).rowcount


class Task(BaseModel):
    """An order as it is shown."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    brief_id: str | None
    """What it was ordered for; None for a delivery that nobody ordered."""
    number: int
    """Its place among the orders of its brief."""
    generator: str
    status: TaskStatus
    tracks: int
    """What it takes of the budget: tracks."""
    cost: float
    """And money, in the account's currency."""
    attempts: int
    """How often it was sent."""
    external_id: str | None
    """What the generator calls it."""
    reason: str | None
    """Why it failed, waits or was withdrawn."""
    due_at: int
    """When it is looked at next."""
    deadline_at: int
    """When it is given up."""
    created_at: int
    updated_at: int
    delivered: tuple[str, ...]
    """Tracks that came of it, in order."""


def list_tasks(
    connection: sa.Connection,
    brief_id: str | None = None,
    *,
    limit: int = 100,
    offset: int = 0,
) -> tuple[Task, ...]:
    """Return orders, the newest first, those of one brief in order of number.

    Args:
        connection: A read transaction.
        brief_id: Only those of this brief.
        limit: At most so many.
        offset: Leave out so many of the newest.
    """
    own = generation_tasks.c
    query = sa.select(generation_tasks).order_by(own.created_at.desc(), own.brief_id, own.number)
    if brief_id is not None:
        query = query.where(own.brief_id == brief_id)
    query = query.order_by(own.task_id).limit(limit).offset(offset)
    rows = list(connection.execute(query).mappings())
    came = _delivered(connection, [row["task_id"] for row in rows])
    return tuple(Task(**row, delivered=tuple(came.get(row["task_id"], ()))) for row in rows)


def _delivered(connection: sa.Connection, task_ids: list[str]) -> dict[str, list[str]]:
    """Return order → the tracks that came of it."""
    query = sa.select(deliveries.c.task_id, deliveries.c.track_id)
    query = query.where(deliveries.c.task_id.in_(task_ids))
    came: dict[str, list[str]] = {}
    for task_id, track_id in connection.execute(query.order_by(deliveries.c.number)):
        came.setdefault(task_id, []).append(track_id)
    return came
