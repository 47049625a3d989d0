"""Orders: approved briefs become tasks, as far as the budget reaches; nothing is sent yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from core.schema import briefs, gaps, generation_tasks
from pipelines.supply.generators.protocol import MusicGenerator
from ranking.supply.budget import ROUNDING, Allowance, BudgetConfig, locked_allowance, spent_on
from ranking.supply.desk import DeskBrief, decide, desk_brief, names_refused
from ranking.supply.names import NameIndex, named_in
from ranking.supply.switches import why_stopped
from ranking.supply.tasks import OPEN

ENGINE = "segue"
"""Who decides where no person did."""


class OrderConfig(BaseModel):
    """Who is asked, how often and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generators: tuple[str, ...] = ("synth",)
    """Generators that may be asked; the first that can make a brief and is not stopped makes it."""
    max_attempts: int = Field(default=6, ge=1, le=100)
    """How often an order is sent while each answer says that sending it again may help."""
    first_retry_s: float = Field(default=5.0, gt=0, le=3600)
    """Longest wait before the second attempt; it doubles with each (full jitter: from 0 to it)."""
    longest_retry_s: float = Field(default=900.0, gt=0, le=86_400)
    """Where the doubling ends."""
    poll_s: float = Field(default=15.0, ge=0, le=86_400)
    """Between two questions for an order that is not ready."""
    deadline_minutes: float = Field(default=120.0, gt=0, le=100_000)
    """After which an order that was sent is given up; its cost counts all the same."""
    lease_minutes: float = Field(default=15.0, gt=0, le=1440)
    """How long a worker has an order to itself; longer than any download or rendering takes."""
    seed: int = Field(default=7, ge=0, le=2**31 - 1)
    """Decides the jitter."""


@dataclass(slots=True)
class Planned:
    """What a round of planning did.

    Args:
        tasks: Orders that are to be sent.
        approved: Drafts that were approved because the budget reached for them.
        closed: Briefs that are over.
        held: Brief → why not all of it was ordered.
    """

    tasks: list[str] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)


def plan_orders(
    connection: sa.Connection,
    config: OrderConfig,
    budget: BudgetConfig,
    roster: Mapping[str, MusicGenerator],
    names: NameIndex,
    now_ms: int,
) -> Planned:
    """Plan the orders of every brief that may be ordered, and reserve what they cost.

    Each brief is planned once: an order that fails is not planned again, so that no brief can
    run away with the budget.

    Args:
        connection: Inside a write transaction; its end makes orders and reservation true.
        config: Who is asked.
        budget: What may be ordered on a day.
        roster: The generators by name.
        names: Creators' names that no prompt may hold.
        now_ms: UTC milliseconds.
    """
    allowance, planned = locked_allowance(connection, budget, now_ms), Planned()
    for brief in _open_briefs(connection, drafts=budget.auto_approve):
        if brief.brief.deadline_ms <= now_ms:
            _close(connection, brief, planned, "its deadline passed", now_ms)
            continue
        desk = _Desk(connection, config, budget, roster, allowance, now_ms)
        made, why = _plan_brief(desk, brief, names)
        planned.tasks += made
        if why:
            planned.held[brief.brief_id] = why
        elif not made:
            _close_when_done(connection, brief, planned, now_ms)
        if made and brief.status == "draft":
            decide(connection, brief, "approved", ENGINE, "approved under the budget", now_ms)
            planned.approved.append(brief.brief_id)
    return planned


def close_finished(
    connection: sa.Connection, roster: Mapping[str, MusicGenerator], now_ms: int
) -> list[str]:
    """Close the briefs whose orders are all over, so that a gap that is still open gets others.

    Args:
        connection: Inside a write transaction.
        roster: The generators by name.
        now_ms: UTC milliseconds.
    """
    planned = Planned()
    for brief in _open_briefs(connection, drafts=False):
        if _planned_so_far(connection, roster, brief)[1] >= brief.brief.count:
            _close_when_done(connection, brief, planned, now_ms)
    return planned.closed


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the planning of one brief needs of the round."""

    connection: sa.Connection
    config: OrderConfig
    budget: BudgetConfig
    roster: Mapping[str, MusicGenerator]
    allowance: Allowance
    now_ms: int


def _open_briefs(connection: sa.Connection, *, drafts: bool) -> list[DeskBrief]:
    """Return the briefs that may be ordered, those a person approved first, the oldest first.

    Of one age the gaps take turns, a brief each, the one that is best worth filling first: where
    the budget ends, no gap has gone without for another's last brief.
    """
    wanted = ("approved", "draft") if drafts else ("approved",)
    query = (
        sa.select(briefs)
        .where(briefs.c.status.in_(wanted))
        .order_by(briefs.c.status, briefs.c.created_at, briefs.c.brief_id)
        .with_for_update()
    )
    found = [desk_brief(row) for row in connection.execute(query).mappings().all()]
    places = sa.select(gaps.c.segment_id, gaps.c.place)
    return _in_turns(found, {row.segment_id: row.place for row in connection.execute(places)})


def _in_turns(found: Sequence[DeskBrief], places: Mapping[str, int]) -> list[DeskBrief]:
    seen: Counter[tuple[str, int, str]] = Counter()
    keys: list[tuple[str, int, int, int]] = []
    for brief in found:
        batch = (brief.status, brief.created_at)
        turn = seen[*batch, brief.segment_id]
        keys.append((*batch, turn, places.get(brief.segment_id, len(places))))
        seen[*batch, brief.segment_id] += 1
    return [found[row] for row in sorted(range(len(found)), key=keys.__getitem__)]


def _plan_brief(desk: _Desk, brief: DeskBrief, names: NameIndex) -> tuple[list[str], str]:
    """Plan what is not planned yet of a brief; return the new tasks and why it is not all."""
    number, covered = _planned_so_far(desk.connection, desk.roster, brief)
    missing = brief.brief.count - covered
    if missing <= 0:
        return [], ""
    if named := named_in(desk.connection, brief.brief, names):
        return [], names_refused(named)
    maker, why = _maker(desk, brief)
    if maker is None:
        return [], why
    size = maker.tracks_an_order(brief.brief)
    cost = size * desk.budget.cost_per_track.get(maker.name, 0.0)
    rows: list[dict[str, Any]] = []
    spent = spent_on(desk.connection, brief.brief_id)
    limit = brief.brief.cost_limit
    while missing > 0 and not why:
        if limit and spent + cost > limit + ROUNDING:
            why = f"its cost limit of {limit:g} does not reach for another order"
        elif not desk.allowance.take(size, cost):
            why = "today's budget does not reach for another order"
        else:
            rows.append(_task(desk, brief, maker, number + len(rows), size, cost))
            spent, missing = spent + cost, missing - size
    if rows:
        desk.connection.execute(sa.insert(generation_tasks), rows)
    return [row["task_id"] for row in rows], why


def _planned_so_far(
    connection: sa.Connection, roster: Mapping[str, MusicGenerator], brief: DeskBrief
) -> tuple[int, int]:
    """Return how many orders a brief has, and how many tracks they were to bring."""
    own = generation_tasks.c
    query = sa.select(own.generator).where(own.brief_id == brief.brief_id)
    makers = connection.execute(query).scalars().all()
    known = [roster[name].tracks_an_order(brief.brief) for name in makers if name in roster]
    return len(makers), sum(known) + len(makers) - len(known)


def _maker(desk: _Desk, brief: DeskBrief) -> tuple[MusicGenerator | None, str]:
    """Return the first generator that can make a brief now, or every reason why none can."""
    reasons = []
    for name in desk.config.generators:
        maker = desk.roster[name]
        why = maker.refuses(brief.brief) or why_stopped(desk.connection, name)
        if not why and not maker.free and name not in desk.budget.cost_per_track:
            why = f"nobody says what {name} costs: set [supply.budget] cost_per_track.{name}"
        if not why:
            return maker, ""
        reasons.append(why)
    return None, "; ".join(reasons) or "[supply.orders] generators names none"


def _task(
    desk: _Desk, brief: DeskBrief, maker: MusicGenerator, number: int, size: int, cost: float
) -> dict[str, Any]:
    return {
        "task_id": f"{brief.brief_id}-{number:04d}",
        "brief_id": brief.brief_id,
        "number": number,
        "generator": maker.name,
        "status": "planned",
        "tracks": size,
        "cost": cost,
        "attempts": 0,
        "due_at": desk.now_ms,
        "deadline_at": brief.brief.deadline_ms,
        "claimed_until": 0,
        "created_at": desk.now_ms,
        "updated_at": desk.now_ms,
    }


def _close_when_done(
    connection: sa.Connection, brief: DeskBrief, planned: Planned, now_ms: int
) -> None:
    own = generation_tasks.c
    query = sa.select(own.status, sa.func.count()).where(own.brief_id == brief.brief_id)
    counts = {row[0]: row[1] for row in connection.execute(query.group_by(own.status))}
    if not set(counts) & set(OPEN):
        told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        _close(connection, brief, planned, f"all orders are over: {told}", now_ms)


def _close(
    connection: sa.Connection, brief: DeskBrief, planned: Planned, note: str, now_ms: int
) -> None:
    decide(connection, brief, "closed", ENGINE, note, now_ms)
    planned.closed.append(brief.brief_id)
