"""Trials: new tracks that are tried on listeners, counted as they are shown and heard out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from core.database import upsert
from core.errors import DataError
from core.events import Action, Interaction
from core.schema import tracks, trials
from ranking.catalogue import Catalogue
from ranking.sources.beliefs import PRIOR_FINISHES, PRIOR_OTHERS, Beliefs, beliefs_of

Outcome = Literal["graduated", "retired"]
_STATUS_OF: Mapping[Outcome, str] = {"graduated": "active", "retired": "retired"}


BUDGET = 400
"""Slots of a trial where nobody says otherwise: twice as good as the median is seen in about 50."""
SUREST = 30.0
"""Slots that the gate's prediction counts at most: listeners must be able to prove it wrong."""


class TrialPlan(BaseModel):
    """What a trial starts from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment_id: str | None
    """Whom it is made for; None where nobody asked for it."""
    prior_finishes: float = Field(gt=0)
    """First parameter of the Beta prior of how often a slot is heard out."""
    prior_skips: float = Field(gt=0)
    """Second parameter."""
    budget: int = Field(default=BUDGET, ge=1)
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
    budget: int
    impressions: int
    finishes: int
    evidence: dict[str, float]
    """What the sequential tests have gathered."""
    reason: str | None
    opened_at: int
    decided_at: int | None


def plan_from(*, segment_id: str | None, finishes: float, skips: float) -> TrialPlan:
    """Return the plan of a trial with a foretold Beta distribution, made no surer than `SUREST`."""
    softer = min(1.0, SUREST / (finishes + skips))
    return TrialPlan(
        segment_id=segment_id, prior_finishes=finishes * softer, prior_skips=skips * softer
    )


def open_trial(connection: sa.Connection, track_id: str, plan: TrialPlan, now_ms: int) -> None:
    """Put a track on trial; one that is on trial stays as it is, an ended trial begins anew.

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
        "reason": None,
        "opened_at": now_ms,
        "decided_at": None,
    }
    _set_status(connection, track_id, "trial", now_ms)
    ended = (trials.c.track_id == track_id) & (trials.c.status != "open")
    connection.execute(sa.delete(trials).where(ended))
    upsert(connection, trials, [row])


def end_trial(
    connection: sa.Connection, track_id: str, outcome: Outcome, reason: str, now_ms: int
) -> None:
    """End an open trial: a graduate becomes active, anything else retires.

    A track that is not on trial any more, because somebody blocked it, stays as it is.

    Args:
        connection: A write transaction.
        track_id: Which.
        outcome: How it went.
        reason: One sentence for people.
        now_ms: The moment.

    Raises:
        DataError: If the track has no open trial.
    """
    # The track before its trial, as `open_trial` does: two writers of one wait, and never lock up.
    on_trial = (tracks.c.track_id == track_id) & (tracks.c.status == "trial")
    moved = sa.update(tracks).where(on_trial)
    connection.execute(moved.values(status=_STATUS_OF[outcome], updated_at=now_ms))
    mine = (trials.c.track_id == track_id) & (trials.c.status == "open")
    ended = sa.update(trials).where(mine)
    found = connection.execute(ended.values(status=outcome, reason=reason, decided_at=now_ms))
    if not found.rowcount:
        raise DataError(
            f"track {track_id!r} has no open trial; list them with `segue supply trials`"
        )


def call_off_trial(connection: sa.Connection, track_id: str, now_ms: int) -> None:
    """End an open trial of a track that somebody took back; nothing where there is none."""
    mine = (trials.c.track_id == track_id) & (trials.c.status == "open")
    told = {"status": "retired", "reason": "it was taken back", "decided_at": now_ms}
    connection.execute(sa.update(trials).where(mine).values(**told))


def call_off_strays(connection: sa.Connection, now_ms: int) -> None:
    """End the open trials of tracks that are not on trial any more: blocked, or taken off air."""
    still = sa.select(tracks.c.track_id).where(tracks.c.status == "trial")
    strays = (trials.c.status == "open") & trials.c.track_id.not_in(still)
    told = {"status": "retired", "reason": "its track was taken off trial", "decided_at": now_ms}
    connection.execute(sa.update(trials).where(strays).values(**told))


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


def plan_planless(connection: sa.Connection, budget: int, now_ms: int) -> int:
    """Give tracks that stand on trial without a plan, as imports bring them, the usual one.

    Args:
        connection: A write transaction.
        budget: Slots each may take.
        now_ms: The moment.

    Returns:
        How many there were.
    """
    planned = sa.select(trials.c.track_id).where(trials.c.status == "open")
    waiting = sa.select(tracks.c.track_id).where(
        tracks.c.status == "trial", tracks.c.track_id.not_in(planned)
    )
    found = sorted(connection.execute(waiting).scalars())
    plan = TrialPlan(
        segment_id=None, prior_finishes=PRIOR_FINISHES, prior_skips=PRIOR_OTHERS, budget=budget
    )
    for track_id in found:
        open_trial(connection, track_id, plan, now_ms)
    return len(found)


def keep_evidence(
    connection: sa.Connection, track_id: str, evidence: Mapping[str, float], budget: int
) -> None:
    """Keep what the log says of an open trial, and how many slots it may take."""
    mine = (trials.c.track_id == track_id) & (trials.c.status == "open")
    told = {"evidence": dict(evidence), "budget": budget}
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


class TrialsState(NamedTuple):
    """A digest of open trials: another one means that one of them moved."""

    open: int
    impressions: int
    finishes: int
    newest_ms: int


def trials_state(connection: sa.Connection) -> TrialsState:
    """Return the digest of now."""
    counted = sa.select(
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(trials.c.impressions), 0),
        sa.func.coalesce(sa.func.sum(trials.c.finishes), 0),
        sa.func.coalesce(sa.func.max(trials.c.opened_at), 0),
    ).where(trials.c.status == "open")
    return TrialsState(*(int(value) for value in connection.execute(counted).one()))


def load_beliefs(connection: sa.Connection, catalogue: Catalogue) -> Beliefs:
    """Return what is believed of trial tracks now.

    A track on trial without a plan, as imports bring them, is believed to be the usual one and may
    always be tried.
    """
    finishes = np.full(len(catalogue), PRIOR_FINISHES)
    others = np.full(len(catalogue), PRIOR_OTHERS)
    is_open = np.ones(len(catalogue), dtype=np.bool_)
    aims: dict[int, str] = {}
    for row in connection.execute(sa.select(trials).where(trials.c.status == "open")):
        at = catalogue.tracks.row(row.track_id)
        if at >= 0:
            heard = min(row.finishes, row.impressions)
            finishes[at] = row.prior_finishes + heard
            others[at] = row.prior_skips + row.impressions - heard
            is_open[at] = row.impressions < row.budget
            if row.segment_id is not None:
                aims[at] = row.segment_id
    return beliefs_of(finishes, others, is_open, aims)


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
