"""Claims: one worker at a time has an order, for a while; what a killed one held is found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core.database import lock_until_commit
from core.randomness import generator as random_generator
from core.schema import briefs, generation_tasks
from pipelines.supply.generators.protocol import MusicGenerator, Order
from pipelines.supply.ordering.orders import OrderConfig
from ranking.supply.brief import Brief
from ranking.supply.switches import why_stopped
from ranking.supply.tasks import IN_FLIGHT

_T = generation_tasks.c
_NO_BRIEF = Brief(title="unasked", prompt="unasked", deadline_ms=0)


@dataclass(frozen=True, slots=True)
class Task:
    """An order as its worker has it.

    Args:
        order: What is asked.
        generator: Of whom.
        external_id: By which the generator knows it; "" before it was accepted.
        attempts: How often it was tried since it last went well, this time among them.
        worker: Whose claim it is.
        is_asked: Whether a brief asked for it.
    """

    order: Order
    generator: str
    external_id: str
    attempts: int
    worker: str
    is_asked: bool = True


def recover(
    connection: sa.Connection, maker: MusicGenerator, config: OrderConfig, now_ms: int
) -> None:
    """Take over what killed workers held while they sent it.

    Whether the order reached the generator is not known. Where sending it again makes nothing
    twice it is planned anew; else it is `unknown`, and never sent again.
    """
    held = (_T.generator == maker.name, _T.status == "submitting", _T.claimed_until <= now_ms)
    values: dict[str, Any] = {"updated_at": now_ms, "status": "planned", "due_at": now_ms}
    if not maker.repeatable:
        values |= {
            "status": "unknown",
            "reason": "the worker ended while it sent the order, which may or may not exist",
            "deadline_at": now_ms + _ms(60 * config.deadline_minutes),
        }
    connection.execute(sa.update(generation_tasks).where(*held).values(values))


def expire(connection: sa.Connection, maker: MusicGenerator, now_ms: int) -> list[Task]:
    """Give up what is too late: unsent orders give their budget back, sent ones do not.

    Returns:
        The sent orders that were given up.
    """
    own = sa.and_(_T.generator == maker.name, _T.deadline_at <= now_ms)
    unsent = sa.update(generation_tasks).where(own, _T.status == "planned")
    connection.execute(
        unsent.values(
            status="withdrawn", tracks=0, cost=0.0, updated_at=now_ms,
            reason="the brief's deadline passed before it was sent",
        )
    )  # fmt: skip
    sent = sa.and_(own, _T.status.in_(("submitted", "unknown")), _T.claimed_until <= now_ms)
    late = [_task(row, "") for row in connection.execute(_joined().where(sent)).mappings()]
    reason = sa.func.coalesce(_T.reason, "it never finished")
    connection.execute(
        sa.update(generation_tasks)
        .where(sent)
        .values(
            status="failed", updated_at=now_ms,
            reason=sa.literal("given up at its deadline, its cost counts: ").concat(reason),
        )
    )  # fmt: skip
    return late


def claim_unsent(
    connection: sa.Connection,
    maker: MusicGenerator,
    config: OrderConfig,
    worker: str,
    now_ms: int,
) -> Task | None:
    """Claim the next order to send, and say so in the store before anything is sent.

    Nothing is claimed while the generator, or everything, is stopped, nor while it has as many
    orders as it may have at once.
    """
    lock_until_commit(connection, f"supply {maker.name}")
    if (
        why_stopped(connection, maker.name)
        or _in_flight(connection, maker) >= maker.limit_in_flight
    ):
        return None
    wanted = (_T.generator == maker.name, _T.status == "planned", _T.due_at <= now_ms)
    status = {"status": "submitting", "deadline_at": now_ms + _ms(60 * config.deadline_minutes)}
    return _claim(connection, wanted, config, worker, now_ms, status)


def claim_sent(
    connection: sa.Connection,
    maker: MusicGenerator,
    config: OrderConfig,
    worker: str,
    now_ms: int,
) -> Task | None:
    """Claim the next order to ask for."""
    lock_until_commit(connection, f"supply {maker.name}")
    wanted = (
        _T.generator == maker.name, _T.status == "submitted", _T.due_at <= now_ms,
        _T.claimed_until <= now_ms,
    )  # fmt: skip
    return _claim(connection, wanted, config, worker, now_ms, {})


def release(connection: sa.Connection, task: Task, statuses: Sequence[str], **values: Any) -> bool:
    """Write what became of a claimed order, unless another worker has it by now.

    Args:
        connection: Inside a write transaction.
        task: The order.
        statuses: The statuses it may be found in.
        values: Columns that change.

    Returns:
        Whether the claim still held.
    """
    own = (
        _T.task_id == task.order.key, _T.claimed_by == task.worker, _T.status.in_(statuses)
    )  # fmt: skip
    change = sa.update(generation_tasks).where(*own).values(claimed_until=0, **values)
    return connection.execute(change).rowcount == 1


def retry_at(config: OrderConfig, task: Task, retry_after_s: float, now_ms: int) -> int:
    """Return when to try again: exponential backoff with full jitter, no sooner than was asked.

    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
    """
    ceiling = min(config.longest_retry_s, config.first_retry_s * 2.0 ** (task.attempts - 1))
    rng = random_generator(config.seed, "retry", task.order.key, task.attempts)
    return now_ms + _ms(max(retry_after_s, float(rng.uniform(0.0, ceiling))))


def next_due(connection: sa.Connection, names: Sequence[str]) -> int | None:
    """Return when the next open order is due (UTC ms), or None where none is open."""
    open_ones = sa.and_(_T.generator.in_(names), _T.status.in_(("planned", "submitted")))
    found = connection.execute(sa.select(sa.func.min(_T.due_at)).where(open_ones)).scalar_one()
    return None if found is None else int(found)


def _claim(
    connection: sa.Connection,
    wanted: Sequence[sa.ColumnElement[bool]],
    config: OrderConfig,
    worker: str,
    now_ms: int,
    status: dict[str, Any],
) -> Task | None:
    query = _joined().where(*wanted).order_by(_T.due_at, _T.created_at, _T.task_id).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    until = now_ms + _ms(60 * config.lease_minutes)
    connection.execute(
        sa.update(generation_tasks)
        .where(_T.task_id == row["task_id"], _T.status == row["status"])
        .values(
            attempts=_T.attempts + 1, claimed_by=worker, claimed_until=until, updated_at=now_ms,
            **status,
        )
    )  # fmt: skip
    return _task({**row, "attempts": row["attempts"] + 1}, worker)


def _joined() -> sa.Select[Any]:
    return sa.select(generation_tasks, briefs.c.brief).select_from(
        generation_tasks.outerjoin(briefs, briefs.c.brief_id == _T.brief_id)
    )


def _task(row: Any, worker: str) -> Task:
    brief = _NO_BRIEF if row["brief"] is None else Brief.model_validate(row["brief"])
    order = Order(row["task_id"], row["brief_id"] or "", row["number"], brief)
    asked = row["brief"] is not None
    return Task(order, row["generator"], row["external_id"] or "", row["attempts"], worker, asked)


def _in_flight(connection: sa.Connection, maker: MusicGenerator) -> int:
    own = (_T.generator == maker.name, _T.status.in_(IN_FLIGHT), _T.brief_id.is_not(None))
    query = sa.select(sa.func.count()).select_from(generation_tasks).where(*own)
    return int(connection.execute(query).scalar_one())


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
