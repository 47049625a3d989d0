"""The budget: how many tracks may be ordered on a day, and for how much."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from core.database import lock_until_commit
from core.events import DAY_MS
from core.schema import generation_tasks

LOCK = "supply budget"
ROUNDING = 1e-9
"""Sums of prices are sums of floats; a budget that is met exactly is not exceeded."""


class BudgetConfig(BaseModel):
    """What may be ordered; a day is a UTC day, and an order counts on the day it is planned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    auto_approve: bool = False
    """Whether drafts are ordered without a person, as far as the day's budget reaches."""
    tracks_per_day: int = Field(default=50, ge=0, le=1_000_000)
    """Most tracks that are ordered on a day."""
    cost_per_day: float = Field(default=0.0, ge=0)
    """Most that is spent on a day, in the account's currency; at 0 only what is free is ordered."""
    cost_per_track: dict[str, float] = {}
    """Generator → what one of its tracks costs; a generator that costs needs an entry."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What the orders of a day take of its budget, those under way among them.

    Args:
        tracks: Tracks.
        cost: In the account's currency.
    """

    tracks: int
    cost: float


@dataclass(slots=True)
class Allowance:
    """What is left of a day's budget while the transaction that read it holds the lock.

    Args:
        tracks: Tracks that may still be ordered.
        cost: What may still be spent.
    """

    tracks: int
    cost: float

    def take(self, tracks: int, cost: float) -> bool:
        """Set something aside, or nothing where it does not fit; say which."""
        if tracks > self.tracks or cost > self.cost + ROUNDING:
            return False
        self.tracks -= tracks
        self.cost -= cost
        return True


def locked_allowance(connection: sa.Connection, config: BudgetConfig, now_ms: int) -> Allowance:
    """Read what is left today; nobody else plans until this transaction ends.

    Args:
        connection: Inside the write transaction that plans the orders.
        config: The budget.
        now_ms: UTC milliseconds.
    """
    lock_until_commit(connection, LOCK)
    spent = spent_today(connection, now_ms)
    return Allowance(config.tracks_per_day - spent.tracks, config.cost_per_day - spent.cost)


def spent_today(connection: sa.Connection, now_ms: int) -> Spending:
    """Return what is ordered on the UTC day of a moment.

    Args:
        connection: A transaction.
        now_ms: UTC milliseconds.
    """
    day = now_ms - now_ms % DAY_MS
    made_at, total = generation_tasks.c.created_at, sa.func.sum
    query = sa.select(
        sa.func.coalesce(total(generation_tasks.c.tracks), 0),
        sa.func.coalesce(total(generation_tasks.c.cost), 0.0),
    ).where(made_at >= day, made_at < day + DAY_MS)
    tracks, cost = connection.execute(query).one()
    return Spending(int(tracks), float(cost))


def spent_on(connection: sa.Connection, brief_id: str) -> float:
    """Return what the orders of a brief cost so far, those under way among them."""
    query = sa.select(sa.func.coalesce(sa.func.sum(generation_tasks.c.cost), 0.0))
    found = connection.execute(query.where(generation_tasks.c.brief_id == brief_id))
    return float(found.scalar_one())
