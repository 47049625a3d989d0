"""The states of an order to a generator, and which of them is final."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa

from core.schema import generation_tasks

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
