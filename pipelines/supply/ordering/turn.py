"""One turn of ordering: plan what was approved, send what is due, fetch what is ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from core.schema import generation_tasks
from pipelines.job import Report
from pipelines.supply.generators.folder import Folder
from pipelines.supply.generators.protocol import (
    Accepted,
    Delivered,
    Failed,
    MusicGenerator,
    Pending,
)
from pipelines.supply.ordering.claims import next_due
from pipelines.supply.ordering.fetching import fetch_next
from pipelines.supply.ordering.inbox import take_in
from pipelines.supply.ordering.orders import Planned, close_finished, plan_orders
from pipelines.supply.ordering.sending import send_next, tidy
from pipelines.supply.ordering.workshop import Workshop
from ranking.supply.names import read_names
from ranking.supply.tasks import OPEN

NAP_S = 1.0
"""Longest wait between two looks at the store; another worker may have planned something."""


class Held(Report):
    """A brief of which not everything was ordered."""

    brief_id: str
    reason: str


class TurnReport(Report):
    """What a turn did."""

    planned: int
    """Orders that were planned."""
    sent: int
    """Orders that a generator accepted."""
    delivered: int
    """Tracks that were stored."""
    failed: int
    """Answers that said no, those that are tried again among them."""
    given_up: int
    """Orders that were sent and never finished."""
    open: int
    """Orders that are not over."""
    approved: list[str]
    """Drafts that were approved under the budget."""
    closed: list[str]
    """Briefs that are over."""
    held: list[Held]
    """Briefs of which not everything was ordered, and why."""


@dataclass(slots=True)
class Tally:
    """What was done so far."""

    planned: Planned = field(default_factory=Planned)
    sent: int = 0
    delivered: int = 0
    failed: int = 0
    given_up: int = 0


def plan(shop: Workshop) -> Planned:
    """Plan the orders of the briefs that may be ordered."""
    config, database = shop.config, shop.workspace.database
    with database.read() as connection:
        names = read_names(connection, config.desk.ordinary_words)
    with database.write() as connection:
        planned = plan_orders(
            connection, config.orders, config.budget, shop.roster, names, shop.clock()
        )
    shop.at("planned")
    return planned


def take_turn(shop: Workshop) -> TurnReport:
    """Plan, send and fetch until nothing is due, close; a turn that was killed is made again."""
    done = Tally(plan(shop))
    for maker in shop.roster.values():
        done.given_up += tidy(shop, maker)
        if isinstance(maker, Folder):
            take_in(shop, maker)
        while _send_due(shop, maker, done) + _fetch_due(shop, maker, done):
            pass
    with shop.workspace.database.write() as connection:
        done.planned.closed += close_finished(connection, shop.roster, shop.clock())
    return _report(shop, done)


def take_turns(shop: Workshop, wait_s: float, sleep: Callable[[float], None]) -> TurnReport:
    """Take turns until nothing is open any more, or for so long.

    Args:
        shop: The worker.
        wait_s: Longest time, seconds by the shop's clock.
        sleep: Waits for so many seconds.
    """
    until_ms = shop.clock() + round(1000 * wait_s)
    reports = [take_turn(shop)]
    while (left_ms := until_ms - shop.clock()) > 0:
        with shop.workspace.database.read() as connection:
            due_ms = next_due(connection, list(shop.roster))
        if due_ms is None:
            break
        sleep(max(0.01, min(NAP_S, left_ms / 1000, (due_ms - shop.clock()) / 1000)))
        reports.append(take_turn(shop))
    return _added(reports)


def _send_due(shop: Workshop, maker: MusicGenerator, done: Tally) -> int:
    """Send until nothing may be sent; return how many were accepted."""
    accepted = 0
    while (answer := send_next(shop, maker)) is not None:
        accepted += isinstance(answer, Accepted)
        done.failed += not isinstance(answer, Accepted)
    done.sent += accepted
    return accepted


def _fetch_due(shop: Workshop, maker: MusicGenerator, done: Tally) -> int:
    """Ask for what is due; return how many orders came in."""
    orders, asked_in_vain = 0, 0
    while (answer := fetch_next(shop, maker)) is not None:
        if isinstance(answer, Delivered):
            orders += 1
            done.delivered += len(answer.tracks)
        done.failed += isinstance(answer, Failed)
        asked_in_vain += isinstance(answer, Pending)
        if asked_in_vain >= maker.limit_in_flight:  # all of them were asked; not again so soon
            break
    return orders


def _report(shop: Workshop, done: Tally) -> TurnReport:
    is_open = generation_tasks.c.status.in_(OPEN)
    with shop.workspace.database.read() as connection:
        query = sa.select(sa.func.count()).select_from(generation_tasks).where(is_open)
        n_open = connection.execute(query).scalar_one()
    return TurnReport(
        planned=len(done.planned.tasks),
        sent=done.sent,
        delivered=done.delivered,
        failed=done.failed,
        given_up=done.given_up,
        open=n_open,
        approved=done.planned.approved,
        closed=done.planned.closed,
        held=[Held(brief_id=b, reason=why) for b, why in done.planned.held.items()],
    )


def _added(reports: list[TurnReport]) -> TurnReport:
    """Return several turns as one: what was done adds up, what stands is the last's."""
    counts = ("planned", "sent", "delivered", "failed", "given_up")
    summed = {name: sum(getattr(one, name) for one in reports) for name in counts}
    lists = {
        name: [x for one in reports for x in getattr(one, name)] for name in ("approved", "closed")
    }
    return reports[-1].model_copy(update=summed | lists)
