"""Trials: new tracks that are tried on listeners, counted as they are shown and heard out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from core.database import upsert
from core.errors import DataError
from core.events import Action, Interaction
from core.schema import tracks, trials
from ranking.catalogue import Catalogue
from ranking.sources.beliefs import PRIOR_FINISHES, PRIOR_OTHERS, Beliefs, beliefs_of

Ended = Literal["graduated", "retired"]
_STATUS_OF: Mapping[Ended, str] = {"graduated": "active", "retired": "retired"}


class TrialPlan(BaseModel):
    """What a trial starts from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment_id: str | None
    """Whom it is made for; None where nobody asked for it."""
    prior_finishes: float = Field(gt=0)
    """First parameter of the Beta prior of how often a slot is heard out."""
    prior_skips: float = Field(gt=0)
    """Second parameter."""
    reference_rate: float = Field(gt=0, lt=1)
    """How often a slot of the segment's median track is heard out."""
    budget: int = Field(ge=1)
    """Slots it may take before it must have convinced."""


class Trial(BaseModel):
    """A trial as it is kept."""

    model_config = ConfigDict(frozen=True)

    track_id: str
    segment_id: str | None
    status: str
    """`open`, `graduated` or `retired`."""
    prior_finishes: float
    prior_skips: float
    reference_rate: float
    budget: int
    impressions: int
    finishes: int
    evidence: dict[str, float]
    """What the sequential tests have gathered."""
    reason: str | None
    opened_at: int
    decided_at: int | None


def open_trial(connection: sa.Connection, track_id: str, plan: TrialPlan, now_ms: int) -> None:
    """Put a track on trial; one that is on trial stays as it is.

    Args:
        connection: A write transaction.
        track_id: Which; it must stand in the store.
        plan: What it starts from.
        now_ms: The moment.

    Raises:
        DataError: If the track is not known.
    """
    row = {
        "track_id": track_id,
        **plan.model_dump(),
        "status": "open",
        "impressions": 0,
        "finishes": 0,
        "evidence": {},
        "opened_at": now_ms,
    }
    _set_status(connection, track_id, "trial", now_ms)
    upsert(connection, trials, [row])


def end_trial(
    connection: sa.Connection, track_id: str, outcome: Ended, reason: str, now_ms: int
) -> None:
    """End an open trial: a graduate becomes active, anything else retires.

    Args:
        connection: A write transaction.
        track_id: Which.
        outcome: How it went.
        reason: One sentence for people.
        now_ms: The moment.

    Raises:
        DataError: If the track has no open trial.
    """
    mine = (trials.c.track_id == track_id) & (trials.c.status == "open")
    ended = sa.update(trials).where(mine)
    found = connection.execute(ended.values(status=outcome, reason=reason, decided_at=now_ms))
    if not found.rowcount:
        raise DataError(
            f"track {track_id!r} has no open trial; list them with `segue supply trials`"
        )
    _set_status(connection, track_id, _STATUS_OF[outcome], now_ms)


def list_trials(
    connection: sa.Connection,
    status: str | None = None,
    *,
    limit: int | None = None,
    offset: int = 0,
) -> tuple[Trial, ...]:
    """Return trials, the oldest first.

    Args:
        connection: A read transaction.
        status: Only those that stand so.
        limit: At most so many.
        offset: Leave out so many of the oldest.
    """
    query = sa.select(trials).order_by(trials.c.opened_at, trials.c.track_id)
    query = query.limit(limit).offset(offset)
    if status is not None:
        query = query.where(trials.c.status == status)
    return tuple(Trial.model_validate(dict(row)) for row in connection.execute(query).mappings())


def keep_evidence(
    connection: sa.Connection,
    track_id: str,
    impressions: int,
    finishes: int,
    evidence: Mapping[str, float],
) -> None:
    """Keep what the log says of an open trial, in place of what was counted as it happened."""
    mine = (trials.c.track_id == track_id) & (trials.c.status == "open")
    told = {"impressions": impressions, "finishes": finishes, "evidence": dict(evidence)}
    connection.execute(sa.update(trials).where(mine).values(**told))


def count_slots(connection: sa.Connection, pages: Iterable[Sequence[Mapping[str, Any]]]) -> None:
    """Count the slots that trial tracks got on pages.

    Args:
        connection: The write transaction in which the pages were logged.
        pages: The slots of pages that were not logged before.
    """
    shown = Counter(slot["track_id"] for page in pages for slot in page if slot["is_fresh"])
    _add(connection, "impressions", shown)


def count_finishes(connection: sa.Connection, interactions: Iterable[Interaction]) -> None:
    """Count the trial tracks that were heard out where a page showed them.

    Args:
        connection: The write transaction in which the interactions were recorded.
        interactions: Those that were not recorded before.
    """
    heard = Counter(
        one.track_id
        for one in interactions
        if one.action is Action.FINISH and one.request_id is not None
    )
    _add(connection, "finishes", heard)


def load_beliefs(connection: sa.Connection, catalogue: Catalogue) -> Beliefs:
    """Return what is believed of trial tracks now.

    A track on trial without a plan, as imports bring them, is believed to be the usual one and may
    always be tried.
    """
    finishes = np.full(len(catalogue), PRIOR_FINISHES)
    others = np.full(len(catalogue), PRIOR_OTHERS)
    is_open = np.ones(len(catalogue), dtype=np.bool_)
    for row in connection.execute(sa.select(trials).where(trials.c.status == "open")):
        at = catalogue.tracks.row(row.track_id)
        if at >= 0:
            heard = min(row.finishes, row.impressions)
            finishes[at] = row.prior_finishes + heard
            others[at] = row.prior_skips + row.impressions - heard
            is_open[at] = row.impressions < row.budget
    return beliefs_of(finishes, others, is_open)


def _add(connection: sa.Connection, column: str, counted: Counter[str]) -> None:
    if not counted:
        return
    mine = (trials.c.status == "open") & trials.c.track_id.in_(sorted(counted))
    # In order of the key: two writers of the same trials wait for each other, never lock up.
    for track_id in sorted(connection.execute(sa.select(trials.c.track_id).where(mine)).scalars()):
        more = trials.c[column] + counted[track_id]
        statement = sa.update(trials).where(trials.c.track_id == track_id)
        connection.execute(statement.values(**{column: more}))


def _set_status(connection: sa.Connection, track_id: str, status: str, now_ms: int) -> None:
    mine = sa.update(tracks).where(tracks.c.track_id == track_id)
    if not connection.execute(mine.values(status=status, updated_at=now_ms)).rowcount:
        raise DataError(f"track {track_id!r} is not in the store; import or deliver it first")
