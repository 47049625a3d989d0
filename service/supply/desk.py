"""Briefs over HTTP: read, added, edited and decided by whoever holds a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import JsonValue, ValidationError

from ranking.supply.brief import Brief
from ranking.supply.desk import Desk, DeskBrief, content_id, stale
from service.dependencies import Context
from service.problems import ProblemError, field_faults
from service.supply.paging import page_of
from service.supply.refusals import refusals
from service.supply.schemas import (
    Approval,
    BriefAnswer,
    BriefEdit,
    BriefsAnswer,
    BriefsQuery,
    NewBrief,
    Rejection,
)

PATH = "/v1/supply/briefs"


def list_briefs(context: Context, asked: BriefsQuery) -> BriefsAnswer:
    """Return one page of briefs, the newest first."""
    desk = _desk(context)
    found, following = page_of(
        asked,
        lambda limit, offset: desk.list(asked.status, asked.segment, limit=limit, offset=offset),
    )
    return BriefsAnswer(briefs=[_shown(one) for one in found], next_offset=following)


def show_brief(context: Context, brief_id: str) -> BriefAnswer:
    """Return one brief.

    Raises:
        ProblemError: 404 where there is none.
    """
    with _refusals(brief_id):
        return _shown(_desk(context).show(brief_id))


def add_brief(context: Context, new: NewBrief, now_ms: int) -> BriefAnswer:
    """Lay a draft on the desk; the same brief for the same segment is laid down once.

    Raises:
        ProblemError: 422 where it names a creator.
    """
    with _refusals(content_id(new.brief, new.segment_id)):
        return _shown(_desk(context).add(new.brief, segment_id=new.segment_id, now_ms=now_ms))


def edit_brief(context: Context, brief_id: str, edit: BriefEdit, now_ms: int) -> BriefAnswer:
    """Change some fields of a brief, unless somebody else changed it first.

    Raises:
        ProblemError: 404 where there is none, 409 where the edit is stale or the brief decided or
            ordered, 422 where what comes out is no brief or names a creator.
    """
    desk = _desk(context)
    with _refusals(brief_id):
        seen = desk.show(brief_id)
        wanted = _changed(seen.brief, edit.brief)
        if edit.revision > seen.revision:  # what is merged here was not made from that one
            raise stale(seen, edit.revision)
        changed = desk.edit(brief_id, wanted, revision=edit.revision, now_ms=now_ms)
        return _shown(changed)


def approve_brief(
    context: Context, brief_id: str, said: Approval, who: str, now_ms: int
) -> BriefAnswer:
    """Let a brief be ordered; one that is approved stays as it is.

    Raises:
        ProblemError: 404 where there is none, 409 where it is over or not what was read.
    """
    with _refusals(brief_id):
        desk = _desk(context)
        return _shown(
            desk.approve(brief_id, who=who, now_ms=now_ms, note=said.note, revision=said.revision)
        )


def reject_brief(
    context: Context, brief_id: str, said: Rejection, who: str, now_ms: int
) -> BriefAnswer:
    """Let a brief never be ordered; one that is rejected stays as it is.

    Raises:
        ProblemError: 404 where there is none, 409 where it is closed.
    """
    with _refusals(brief_id):
        return _shown(_desk(context).reject(brief_id, who=who, now_ms=now_ms, note=said.note))


def _desk(context: Context) -> Desk:
    return Desk(context.workspace.database, context.supply.desk)


@contextmanager
def _refusals(brief_id: str) -> Iterator[None]:
    with refusals("brief", brief_id, listed_at=PATH, field="brief"):
        yield


def _changed(brief: Brief, changes: dict[str, JsonValue]) -> Brief:
    try:
        return Brief.model_validate({**brief.model_dump(mode="json"), **changes})
    except ValidationError as error:
        faults = field_faults(
            [{**fault, "loc": ("brief", *fault["loc"])} for fault in error.errors()]
        )
        named = "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
        raise ProblemError(422, "invalid-request", named, errors=faults) from None


def _shown(found: DeskBrief) -> BriefAnswer:
    names = BriefAnswer.model_fields
    return BriefAnswer(**{name: getattr(found, name) for name in names})
