"""The desk of briefs: people and jobs add, read, edit and decide them; each move is checked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.database import Database, upsert
from core.errors import ConflictError, DataError, UnknownIdError
from core.schema import briefs, generation_tasks
from ranking.supply.brief import Brief, BriefStatus
from ranking.supply.names import named_in, read_names
from ranking.supply.tasks import withdraw_planned

ID_DIGITS = 16
_MOVES: dict[BriefStatus, tuple[BriefStatus, ...]] = {
    "draft": ("approved", "rejected", "closed"),
    "approved": ("rejected", "closed"),
    "rejected": (),
    "closed": (),
}


class DeskConfig(BaseModel):
    """What a prompt may say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ordinary_words: tuple[str, ...] = ()
    """Creators' names that are ordinary words here, and may stand in a prompt."""


@dataclass(frozen=True, slots=True, eq=False)
class DeskBrief:
    """A brief as it lies on the desk.

    Args:
        brief_id: Its id.
        segment_id: Whom it is for.
        status: Where it stands.
        revision: Counts its changes, from 1; an edit names the one it was made from.
        brief: What is asked.
        reference: (dim,) the audio vector that is the aim; empty where there is none.
        decided_by: Who approved, rejected or closed it.
        note: What they said.
        created_at: UTC milliseconds.
        updated_at: UTC milliseconds.
    """

    brief_id: str
    segment_id: str
    status: BriefStatus
    revision: int
    brief: Brief
    reference: NDArray[np.float32]
    decided_by: str | None
    note: str | None
    created_at: int
    updated_at: int


class Desk:
    """The briefs of one store; safe to use from many threads and processes.

    Args:
        database: The store.
        config: What a prompt may say.
    """

    def __init__(self, database: Database, config: DeskConfig | None = None) -> None:
        self._database = database
        self._config = config or DeskConfig()

    def add(
        self,
        brief: Brief,
        *,
        segment_id: str,
        now_ms: int,
        reference: NDArray[np.float32] | None = None,
        brief_id: str = "",
    ) -> DeskBrief:
        """Lay a draft on the desk; the same brief for the same segment is laid down once.

        Args:
            brief: What is asked.
            segment_id: Whom it is for; "" where it is for nobody in particular.
            now_ms: UTC milliseconds.
            reference: (dim,) the audio vector that is the aim.
            brief_id: Its id; made of its content where empty.

        Raises:
            DataError: If it names a creator.
            ConflictError: If another brief has its id.
        """
        vector = np.zeros(0, np.float32) if reference is None else reference
        chosen = brief_id or content_id(brief, segment_id)
        row = {
            "brief_id": chosen, "segment_id": segment_id, "status": "draft", "revision": 1,
            "brief": brief.model_dump(mode="json"),
            "reference": np.ascontiguousarray(vector, dtype="<f4").tobytes(),
            "created_at": now_ms, "updated_at": now_ms,
        }  # fmt: skip
        self._refuse_names(brief)
        with self._database.write() as connection:
            upsert(connection, briefs, [row])
            laid = _locked(connection, chosen)
        if laid.revision == 1 and (laid.brief, laid.segment_id) != (brief, segment_id):
            raise ConflictError(f"another brief is called {chosen}; give this one an id of its own")
        return laid

    def list(
        self,
        status: BriefStatus | None = None,
        segment_id: str | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[DeskBrief, ...]:
        """Return briefs, the newest first.

        Args:
            status: Only those that stand so.
            segment_id: Only those for this segment.
            limit: At most so many.
            offset: Leave out so many of the newest.
        """
        query = sa.select(briefs).order_by(briefs.c.created_at.desc(), briefs.c.brief_id)
        if status is not None:
            query = query.where(briefs.c.status == status)
        if segment_id is not None:
            query = query.where(briefs.c.segment_id == segment_id)
        query = query.limit(limit).offset(offset)
        with self._database.read() as connection:
            return tuple(map(desk_brief, connection.execute(query).mappings()))

    def show(self, brief_id: str) -> DeskBrief:
        """Return one brief.

        Raises:
            UnknownIdError: If there is none of that id.
        """
        query = sa.select(briefs).where(briefs.c.brief_id == brief_id)
        with self._database.read() as connection:
            return _known(connection.execute(query).mappings().one_or_none(), brief_id)

    def edit(self, brief_id: str, brief: Brief, *, revision: int, now_ms: int) -> DeskBrief:
        """Replace what is asked, unless somebody else did so first.

        An approved brief becomes a draft again: what was approved is not what stands there now.

        Args:
            brief_id: Which.
            brief: What is asked from now on.
            revision: The revision that the editor saw.
            now_ms: UTC milliseconds.

        Raises:
            DataError: If it names a creator.
            UnknownIdError: If there is none of that id.
            ConflictError: If the revision is not the newest, or the brief is decided or ordered.
        """
        self._refuse_names(brief)
        with self._database.write() as connection:
            found = _locked(connection, brief_id)
            if found.brief == brief:
                return found
            if found.revision != revision:
                raise stale(found, revision)
            _refuse_edit(connection, found)
            return _change(
                connection, found, now_ms, brief=brief.model_dump(mode="json"), status="draft"
            )

    def approve(
        self, brief_id: str, *, who: str, now_ms: int, note: str = "", revision: int | None = None
    ) -> DeskBrief:
        """Let a brief be ordered; one that is approved stays as it is.

        Args:
            brief_id: Which.
            who: Who says so.
            now_ms: UTC milliseconds.
            note: What they say.
            revision: The revision that they read; None approves whatever stands there.

        Raises:
            UnknownIdError: If there is none of that id.
            ConflictError: If the revision is not the newest, or the brief is over.
        """
        with self._database.write() as connection:
            found = _locked(connection, brief_id)
            # The approval itself made a revision; said twice it is still that of the one before.
            said_before = found.status == "approved" and found.revision - 1 == revision
            if revision not in (None, found.revision) and not said_before:
                raise stale(found, revision)
            return decide(connection, found, "approved", who, note, now_ms)

    def reject(self, brief_id: str, *, who: str, now_ms: int, note: str) -> DeskBrief:
        """Let a brief never be ordered; what was planned of it and not sent is withdrawn."""
        return self._decide(brief_id, "rejected", who, note, now_ms)

    def close(self, brief_id: str, *, who: str, now_ms: int, note: str = "") -> DeskBrief:
        """End a brief; what was planned of it and not sent is withdrawn."""
        return self._decide(brief_id, "closed", who, note, now_ms)

    def _decide(
        self, brief_id: str, to: BriefStatus, who: str, note: str, now_ms: int
    ) -> DeskBrief:
        with self._database.write() as connection:
            return decide(connection, _locked(connection, brief_id), to, who, note, now_ms)

    def _refuse_names(self, brief: Brief) -> None:
        with self._database.read() as connection:
            index = read_names(connection, self._config.ordinary_words)
            named = named_in(connection, brief, index)
        if named:
            raise DataError(names_refused(named))


def stale(found: DeskBrief, revision: int | None) -> ConflictError:
    """Return the refusal of a change that was made from another revision than the newest."""
    return ConflictError(
        f"brief {found.brief_id} is at revision {found.revision}, you started from {revision}; "
        "show it again and decide on what stands there now"
    )


def names_refused(named: tuple[str, ...]) -> str:
    """Say that a brief names creators, and what to do."""
    return (
        f"the brief names {', '.join(map(repr, named))}, and no brief may name a creator; say what "
        "the music is like instead, or list an ordinary word in [supply.desk] ordinary_words"
    )


def content_id(brief: Brief, segment_id: str) -> str:
    """Return the id of a brief that was given none: the same content, the same id."""
    text = json.dumps([segment_id, brief.model_dump(mode="json")], sort_keys=True)
    return f"brief-{hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]}"


def desk_brief(row: sa.RowMapping) -> DeskBrief:
    """Return a row of the table of briefs as a value."""
    values: dict[str, Any] = {str(name): value for name, value in row.items()}
    reference = np.frombuffer(values.pop("reference"), dtype="<f4").astype(np.float32)
    brief = Brief.model_validate(values.pop("brief"))
    return DeskBrief(brief=brief, reference=reference, **values)


def decide(
    connection: sa.Connection, found: DeskBrief, to: BriefStatus, who: str, note: str, now_ms: int
) -> DeskBrief:
    """Move a brief to another status; one that has it already stays as it is.

    Args:
        connection: Inside the write transaction in which the brief was read and locked.
        found: The brief.
        to: Where to.
        who: Who decides.
        note: What they say.
        now_ms: UTC milliseconds.

    Raises:
        ConflictError: If that move cannot be made.
    """
    if found.status == to:
        return found
    if to not in _MOVES[found.status]:
        said = f" by {found.decided_by}" if found.decided_by else ""
        raise ConflictError(
            f"brief {found.brief_id} was {found.status}{said} and cannot be {to} any more; "
            "add a new brief"
        )
    if to != "approved":
        withdraw_planned(connection, found.brief_id, f"the brief was {to}", now_ms)
    return _change(connection, found, now_ms, status=to, decided_by=who, note=note or None)


def _refuse_edit(connection: sa.Connection, found: DeskBrief) -> None:
    if found.status not in ("draft", "approved"):
        raise ConflictError(f"brief {found.brief_id} is {found.status}; add a new brief instead")
    ordered = sa.select(sa.func.count()).where(generation_tasks.c.brief_id == found.brief_id)
    if count := connection.execute(ordered).scalar_one():
        raise ConflictError(
            f"brief {found.brief_id} has {count} orders already; close it and add a new brief"
        )


def _locked(connection: sa.Connection, brief_id: str) -> DeskBrief:
    """Read a brief so that nobody else changes it before this transaction ends."""
    query = sa.select(briefs).where(briefs.c.brief_id == brief_id).with_for_update()
    return _known(connection.execute(query).mappings().one_or_none(), brief_id)


def _known(row: sa.RowMapping | None, brief_id: str) -> DeskBrief:
    if row is None:
        raise UnknownIdError(f"there is no brief {brief_id}; `segue supply briefs` lists them")
    return desk_brief(row)


def _change(connection: sa.Connection, found: DeskBrief, now_ms: int, **values: Any) -> DeskBrief:
    row = {**values, "revision": found.revision + 1, "updated_at": now_ms}
    own = briefs.c.brief_id == found.brief_id
    connection.execute(sa.update(briefs).where(own).values(row))
    return desk_brief(connection.execute(sa.select(briefs).where(own)).mappings().one())
