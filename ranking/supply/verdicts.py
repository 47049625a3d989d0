"""Verdicts: what the gate found of each new track, and what a person said instead.

A track's status follows what counts of its verdict in the same transaction: `trial` where it
passed, `retired` where it did not. Nothing else in the house sends a track to its trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from core.database import upsert
from core.errors import ConflictError, DataError, UnknownIdError
from core.schema import briefs, tracks, verdicts
from ranking.sources.beliefs import PRIOR_FINISHES, PRIOR_OTHERS
from ranking.supply.trials import call_off_trial, open_trial, plan_from

UNREADABLE = "unreadable"
"""Code of the one reason that no person can overrule: there is nothing to play."""


class Reason(BaseModel):
    """Why a track does not pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    """One word for counting."""
    text: str
    """A sentence with the value that was measured and its limit."""


class Overruling(BaseModel):
    """What a person said instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: bool
    """Whether the track passes."""
    by: str
    """Who said so."""
    note: str
    """Why."""
    at_ms: int
    """When, UTC milliseconds."""


class Verdict(BaseModel):
    """What the gate found of one track."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    track_id: str
    """Whose."""
    brief_id: str | None
    """What it was made for."""
    generator: str
    """What made it."""
    passed: bool
    """Whether no check failed."""
    reasons: tuple[Reason, ...]
    """The checks that failed."""
    measurements: dict[str, Any]
    """Everything that was measured, JSON values."""
    judged_at_ms: int = Field(ge=0)
    """When, UTC milliseconds."""
    overruling: Overruling | None = None
    """What a person said instead."""

    @property
    def stands(self) -> bool:
        """Whether the track passes, a person's word before the gate's."""
        return self.passed if self.overruling is None else self.overruling.passed


def record_verdict(connection: sa.Connection, verdict: Verdict, now_ms: int) -> None:
    """Keep the gate's verdict and let the track's status follow.

    A verdict that a person overruled is not replaced: their word counts until they take it back.

    Args:
        connection: Inside a write transaction.
        verdict: The gate's.
        now_ms: Stamped on the track.
    """
    known = _locked(connection, verdict.track_id)
    if known is not None and known.overruling is not None:
        return
    row = {
        "track_id": verdict.track_id,
        "brief_id": verdict.brief_id,
        "generator": verdict.generator,
        "passed": verdict.passed,
        "reasons": [reason.model_dump() for reason in verdict.reasons],
        "measurements": verdict.measurements,
        "judged_at": verdict.judged_at_ms,
    }
    upsert(connection, verdicts, [row], [name for name in row if name != "track_id"])
    _follow(connection, verdict, now_ms)


def overrule(
    connection: sa.Connection, track_id: str, *, passed: bool, by: str, note: str, now_ms: int
) -> Verdict:
    """Put a person's word over the gate's and let the track's status follow.

    What a person said already stays as it is, with their name.

    Args:
        connection: Inside a write transaction.
        track_id: Whose verdict.
        passed: Whether the track passes.
        by: Who says so.
        note: Why.
        now_ms: When.

    Returns:
        The verdict as it stands now.

    Raises:
        UnknownIdError: If there is no verdict.
        DataError: If nobody signs.
        ConflictError: If the gate says so already, or the recording cannot be played.
    """
    known = _locked(connection, track_id)
    if known is None:
        raise UnknownIdError(f"track {track_id!r} has no verdict; run `segue supply gate` first")
    if not by.strip() or not note.strip():
        raise DataError(f"the verdict on track {track_id!r} is overruled by name, with a note")
    said = "passed" if passed else "rejected"
    if known.stands == passed and known.overruling is not None:
        return known
    if known.stands == passed:
        raise ConflictError(f"track {track_id!r} is {said} already; there is nothing to overrule")
    if passed and any(reason.code == UNREADABLE for reason in known.reasons):
        raise ConflictError(
            f"track {track_id!r} cannot pass: {known.reasons[0].text}; deliver the recording again"
        )
    overruling = Overruling(passed=passed, by=by.strip(), note=note.strip(), at_ms=now_ms)
    chosen = verdicts.c.track_id == track_id
    connection.execute(
        sa.update(verdicts)
        .where(chosen)
        .values(
            overruled_passed=passed,
            overruled_by=overruling.by,
            overruled_note=overruling.note,
            overruled_at=now_ms,
        )
    )
    changed = known.model_copy(update={"overruling": overruling})
    _follow(connection, changed, now_ms)
    return changed


def find_verdict(connection: sa.Connection, track_id: str) -> Verdict | None:
    """Return the verdict on a track, or None where it was not judged."""
    found = connection.execute(sa.select(verdicts).where(verdicts.c.track_id == track_id)).first()
    return None if found is None else _verdict(found)


def list_verdicts(
    connection: sa.Connection,
    *,
    generator: str | None = None,
    brief_id: str | None = None,
    passed: bool | None = None,
    since_ms: int = 0,
    limit: int = 100,
    offset: int = 0,
) -> tuple[Verdict, ...]:
    """Return verdicts, the latest first.

    Args:
        connection: A read transaction.
        generator: Only of what this made.
        brief_id: Only of what was made for this.
        passed: Only those that stand so, a person's word before the gate's.
        since_ms: Only those judged from this moment on.
        limit: At most so many.
        offset: Leave out so many of the latest.
    """
    query = sa.select(verdicts).where(verdicts.c.judged_at >= since_ms)
    if generator is not None:
        query = query.where(verdicts.c.generator == generator)
    if brief_id is not None:
        query = query.where(verdicts.c.brief_id == brief_id)
    if passed is not None:
        query = query.where(_stands() == passed)
    query = query.order_by(verdicts.c.judged_at.desc(), verdicts.c.track_id.desc())
    query = query.limit(limit).offset(offset)
    return tuple(_verdict(row) for row in connection.execute(query))


def latest_passes(
    connection: sa.Connection, generator: str, since_ms: int, limit: int
) -> tuple[bool, ...]:
    """Return whether a generator's latest tracks passed, oldest first.

    Args:
        connection: A read transaction.
        generator: Which.
        since_ms: Only tracks judged after this moment.
        limit: At most so many.
    """
    query = sa.select(_stands()).where(
        verdicts.c.generator == generator, verdicts.c.judged_at > since_ms
    )
    query = query.order_by(verdicts.c.judged_at.desc(), verdicts.c.track_id.desc()).limit(limit)
    return tuple(bool(each) for each in connection.execute(query).scalars())[::-1]


def judged_generators(connection: sa.Connection) -> Sequence[str]:
    """Return the generators that something was judged of, by name."""
    query = sa.select(verdicts.c.generator).distinct().order_by(verdicts.c.generator)
    return connection.execute(query).scalars().all()


def _locked(connection: sa.Connection, track_id: str) -> Verdict | None:
    """Read a verdict so that nobody else changes it before this transaction ends."""
    query = sa.select(verdicts).where(verdicts.c.track_id == track_id).with_for_update()
    found = connection.execute(query).first()
    return None if found is None else _verdict(found)


def _stands() -> sa.ColumnElement[bool]:
    return sa.func.coalesce(verdicts.c.overruled_passed, verdicts.c.passed)


def send_on_trial(connection: sa.Connection, verdict: Verdict, now_ms: int) -> None:
    """Send a track to its trial; the one place where that happens.

    A track that is on trial already, or has ended its trial well, stays where it is.
    """
    waiting = sa.select(tracks.c.track_id).where(
        tracks.c.track_id == verdict.track_id, tracks.c.status.in_(("pending", "retired"))
    )
    if connection.execute(waiting).first() is None:
        return
    segment = sa.select(briefs.c.segment_id).where(briefs.c.brief_id == verdict.brief_id)
    foretold = verdict.measurements.get("appeal") or {}
    plan = plan_from(
        segment_id=connection.execute(segment).scalar_one_or_none() or None,
        finishes=float(foretold.get("finishes") or PRIOR_FINISHES),
        skips=float(foretold.get("skips") or PRIOR_OTHERS),
    )
    open_trial(connection, verdict.track_id, plan, now_ms)


def _follow(connection: sa.Connection, verdict: Verdict, now_ms: int) -> None:
    """Give the track the status that its verdict asks for."""
    if verdict.stands:
        send_on_trial(connection, verdict, now_ms)
        return
    # What listeners decided in a trial only a person takes back, not the gate.
    graduated = ("active",) if verdict.overruling is not None else ()
    _move(connection, verdict.track_id, ("pending", "trial", *graduated), "retired", now_ms)
    call_off_trial(connection, verdict.track_id, now_ms)


def _move(
    connection: sa.Connection, track_id: str, origins: tuple[str, ...], status: str, now_ms: int
) -> None:
    """Change a track's status where it is one of some; `blocked` is never left this way."""
    chosen = sa.and_(tracks.c.track_id == track_id, tracks.c.status.in_(origins))
    connection.execute(sa.update(tracks).where(chosen).values(status=status, updated_at=now_ms))


def _verdict(row: Any) -> Verdict:
    overruling = None
    if row.overruled_passed is not None:
        overruling = Overruling(
            passed=row.overruled_passed,
            by=row.overruled_by,
            note=row.overruled_note,
            at_ms=row.overruled_at,
        )
    return Verdict(
        track_id=row.track_id,
        brief_id=row.brief_id,
        generator=row.generator,
        passed=row.passed,
        reasons=tuple(Reason(**reason) for reason in row.reasons),
        measurements=row.measurements,
        judged_at_ms=row.judged_at,
        overruling=overruling,
    )
