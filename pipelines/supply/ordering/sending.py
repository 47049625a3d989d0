"""Sending orders: the store says that one is being sent before it is, so that none goes twice."""

from __future__ import annotations

from typing import Any

from core.telemetry import logger
from pipelines.supply.generators.protocol import (
    Accepted,
    Failed,
    MusicGenerator,
    Unclear,
)
from pipelines.supply.ordering.claims import Task, claim_unsent, expire, recover, release, retry_at
from pipelines.supply.ordering.workshop import Workshop


def tidy(shop: Workshop, maker: MusicGenerator) -> int:
    """Take over what killed workers left, and give up what is too late.

    Returns:
        How many orders that had been sent were given up.
    """
    now_ms = shop.clock()
    with shop.workspace.database.write() as connection:
        recover(connection, maker, shop.config.orders, now_ms)
        late = expire(connection, maker, now_ms)
    for task in late:
        maker.settle(task.order, task.external_id)
        logger().warning("order_given_up", task=task.order.key, generator=maker.name)
    return len(late)


def send_next(shop: Workshop, maker: MusicGenerator) -> Accepted | Failed | Unclear | None:
    """Send the next order that is due.

    Returns:
        The generator's answer, or None where nothing may be sent now.
    """
    with shop.workspace.database.write() as connection:
        task = claim_unsent(connection, maker, shop.config.orders, shop.worker, shop.clock())
    if task is None:
        return None
    shop.at("claimed for sending")
    answer = maker.submit(task.order)
    shop.at("sent")
    values = _what_became(shop, task, answer)
    with shop.workspace.database.write() as connection:
        # `unknown`: the lease ran out meanwhile, but the answer is here after all.
        release(connection, task, ("submitting", "unknown"), **values)
    shop.at("acceptance written")
    logger().info("order_sent", task=task.order.key, generator=maker.name, status=values["status"])
    return answer


def _what_became(shop: Workshop, task: Task, answer: Accepted | Failed | Unclear) -> dict[str, Any]:
    config, now_ms = shop.config.orders, shop.clock()
    if isinstance(answer, Accepted):
        return {
            "status": "submitted", "external_id": answer.external_id, "attempts": 0,
            "due_at": now_ms, "reason": None, "updated_at": now_ms,
        }  # fmt: skip
    told: dict[str, Any] = {"reason": answer.reason, "updated_at": now_ms}
    if isinstance(answer, Unclear):
        return {**told, "status": "unknown"}
    if answer.retry and task.attempts < config.max_attempts:
        due_at = retry_at(config, task, answer.retry_after_s, now_ms)
        # The deadline is the brief's again: nothing of it is under way.
        deadline = task.order.brief.deadline_ms
        return {**told, "status": "planned", "due_at": due_at, "deadline_at": deadline}
    return {**told, "status": "failed", "tracks": 0, "cost": 0.0}  # refused: nothing was made
