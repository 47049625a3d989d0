"""The ledger as it is reported: exact whole numbers for programs, a few tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from pipelines.job import Report
from pipelines.supply.ledger.displacement import HOUR_MS, Displacement
from pipelines.supply.ledger.kinds import NAMES
from pipelines.supply.ledger.sums import HEARD

SUMS = ("slots", *HEARD, "revenue_cents", "cost_cents")
CENTS = 100


class Sums(Report):
    """What is counted; whole numbers, so that parts make the whole exactly."""

    slots: int
    """Slots that were shown."""
    plays: int
    """Plays."""
    finishes: int
    """Plays heard to the end."""
    likes: int
    """Likes given; what was taken back stays counted."""
    skips: int
    """Plays left early."""
    heard_ms: int
    """How long was heard."""
    qualified_ms: int
    """Of that, what earns."""
    revenue_cents: int
    """Its share of the pools."""
    cost_cents: int
    """What was ordered."""

    @property
    def hours(self) -> float:
        """Hours heard."""
        return self.heard_ms / HOUR_MS


class Entry(Sums):
    """One kind of tracks, on one day or on all."""

    day: str | None
    """YYYY-MM-DD, UTC; null where it is all of them."""
    origin: str | None
    """`human`, `generated`, `assisted` or `unknown`; null where it is all of them."""
    tier: str | None
    """Of the creator; null where it is all of them."""
    generator: str | None
    """What made them, "" where nothing did; null where it is all of them."""


class Payout(Report):
    """What one creator earns."""

    creator_id: str | None
    """Who; null is everyone who is not known."""
    tier: str
    """Where they stand."""
    qualified_ms: int
    """How long they were heard, as far as it earns."""
    revenue_cents: int
    """Their share of the pools."""


class Line(Report):
    """One line of a table for people."""

    name: str
    slots: int
    hours: float
    finishes: int
    likes: int
    skips: int
    revenue: float
    cost: float


class LedgerReport(Report):
    """The ledger of some days."""

    since: str
    """First day, UTC."""
    until: str
    """Last day, UTC."""
    total: Sums
    """Everything."""
    pool_cents: int
    """The pools of these days; what nothing earned is not paid out."""
    listeners: int
    """Listeners who were shown or heard something."""
    runaways_left_out: int
    """Listeners whose listening is nobody's."""
    by_day: tuple[Entry, ...]
    """By day and origin."""
    by_origin: tuple[Entry, ...]
    """By origin."""
    by_tier: tuple[Entry, ...]
    """By creator tier."""
    by_generator: tuple[Entry, ...]
    """By generator."""
    entries: tuple[Entry, ...]
    """By day, origin, tier and generator: every other table is made of these."""
    creators: tuple[Payout, ...]
    """Who earns most."""
    displacement: Displacement
    """Who was displaced, against the holdout."""

    def brief(self) -> LedgerSummary:
        """Return what fits a terminal."""
        told = self.displacement
        rows: list[dict[str, Any]] = [
            row.model_dump(exclude={"tier", "to"})
            | {"to": " ".join(filter(None, (row.to, row.tier)))}
            for row in told.rows
        ]
        return LedgerSummary(
            since=self.since,
            until=self.until,
            listeners=self.listeners,
            runaways_left_out=self.runaways_left_out,
            pool=self.pool_cents / CENTS,
            paid=self.total.revenue_cents / CENTS,
            cost=self.total.cost_cents / CENTS,
            days=_lines(self.by_day[::-1], "day", "origin"),
            origins=_lines(self.by_origin, "origin"),
            tiers=_lines(self.by_tier, "tier"),
            generators=_lines(self.by_generator, "generator"),
            total=(_line("all", self.total),),
            holdout=told.verdict,
            holdout_listeners=told.held_out,
            holdout_generated_slots=told.held_out_generated_slots,
            a_listener_and_day=tuple({"to": row.pop("to"), **row} for row in rows),
        )


class LedgerSummary(Report):
    """The ledger on a terminal."""

    since: str
    until: str
    listeners: int
    runaways_left_out: int
    pool: float
    paid: float
    cost: float
    days: tuple[Line, ...]
    origins: tuple[Line, ...]
    tiers: tuple[Line, ...]
    generators: tuple[Line, ...]
    total: tuple[Line, ...]
    holdout: str
    holdout_listeners: int
    holdout_generated_slots: int
    a_listener_and_day: tuple[dict[str, Any], ...]


def total_of(entries: pl.DataFrame) -> Sums:
    """Return the sums of all entries."""
    return Sums.model_validate(entries.select(pl.col(SUMS).sum()).to_dicts()[0])


def split(entries: pl.DataFrame, by: Sequence[str]) -> tuple[Entry, ...]:
    """Return the entries added up by some of day, origin, tier and generator, in their order."""
    added = entries.group_by(*by).agg(pl.col(SUMS).sum()).sort(by)
    absent = dict.fromkeys({"day", *NAMES} - set(by))
    told = added.with_columns(pl.col("day").cast(pl.String)) if "day" in by else added
    return tuple(Entry.model_validate({**absent, **row}) for row in told.iter_rows(named=True))


def _lines(entries: Sequence[Entry], *names: str) -> tuple[Line, ...]:
    return tuple(_line(" ".join(getattr(one, n) or "-" for n in names), one) for one in entries)


def _line(name: str, sums: Sums) -> Line:
    return Line(
        name=name,
        hours=round(sums.hours, 2),
        revenue=sums.revenue_cents / CENTS,
        cost=sums.cost_cents / CENTS,
        **{each: getattr(sums, each) for each in ("slots", "finishes", "likes", "skips")},
    )
