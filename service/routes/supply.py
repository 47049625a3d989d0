"""`/v1/supply/…`: what runs short, what was ordered and how it went; for keys of product teams."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Security

from core.events import ExternalId
from service.access import BEARER, CallerDep, KeyedRoute
from service.dependencies import ContextDep, NowMs, TrackId
from service.problems import Problem
from service.supply import desk, limits, record
from service.supply.paging import PageQuery
from service.supply.schemas import (
    Approval,
    BriefAnswer,
    BriefEdit,
    BriefsAnswer,
    BriefsQuery,
    BudgetAnswer,
    GapsAnswer,
    NewBrief,
    Rejection,
    SwitchAnswer,
    SwitchBody,
    SwitchesAnswer,
    TasksAnswer,
    TasksQuery,
    TrialsAnswer,
    TrialsQuery,
    VerdictAnswer,
    VerdictsAnswer,
    VerdictsQuery,
    Word,
)

Statuses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Statuses:
    """Return that a route may answer with these problems."""
    return {status: {"model": Problem} for status in statuses}


CHANGES = problems(400, 404, 409, 413)
ADDS = problems(400, 413)
SETS = problems(400, 404, 413)
BriefId = Annotated[ExternalId, Path(description="The brief.")]
SwitchName = Annotated[ExternalId, Path(description="A generator, or `all`.")]

router = APIRouter(
    prefix="/v1/supply",
    tags=["supply"],
    route_class=KeyedRoute,
    dependencies=[Security(BEARER)],
    responses=problems(401, 403),
)


@router.get("/gaps")
def gaps(asked: Annotated[PageQuery, Query()], context: ContextDep) -> GapsAnswer:
    """Return the shortages found last, best worth filling first."""
    return record.show_gaps(context, asked)


@router.get("/briefs")
def briefs(asked: Annotated[BriefsQuery, Query()], context: ContextDep) -> BriefsAnswer:
    """Return briefs, the newest first."""
    return desk.list_briefs(context, asked)


@router.post("/briefs", responses=ADDS)
def add(new: NewBrief, context: ContextDep, now_ms: NowMs) -> BriefAnswer:
    """Lay a draft on the desk; the same brief for the same segment is laid down once."""
    return desk.add_brief(context, new, now_ms)


@router.get("/briefs/{brief_id:path}", responses=problems(404))
def brief(brief_id: BriefId, context: ContextDep) -> BriefAnswer:
    """Return one brief."""
    return desk.show_brief(context, brief_id)


@router.patch("/briefs/{brief_id:path}", responses=CHANGES)
def edit(brief_id: BriefId, edit: BriefEdit, context: ContextDep, now_ms: NowMs) -> BriefAnswer:
    """Change some fields of a brief; an approved one is a draft again."""
    return desk.edit_brief(context, brief_id, edit, now_ms)


@router.post("/briefs/{brief_id:path}/approve", responses=CHANGES)
def approve(
    brief_id: BriefId,
    context: ContextDep,
    caller: CallerDep,
    now_ms: NowMs,
    said: Approval | None = None,
) -> BriefAnswer:
    """Let a brief be ordered; one that is approved stays as it is."""
    return desk.approve_brief(context, brief_id, said or Approval(), caller.name, now_ms)


@router.post("/briefs/{brief_id:path}/reject", responses=CHANGES)
def reject(
    brief_id: BriefId, said: Rejection, context: ContextDep, caller: CallerDep, now_ms: NowMs
) -> BriefAnswer:
    """Let a brief never be ordered; what was planned of it and not sent is taken back."""
    return desk.reject_brief(context, brief_id, said, caller.name, now_ms)


@router.get("/tasks")
def tasks(asked: Annotated[TasksQuery, Query()], context: ContextDep) -> TasksAnswer:
    """Return orders to generators, the newest first."""
    return record.show_tasks(context, asked)


@router.get("/verdicts")
def verdicts(asked: Annotated[VerdictsQuery, Query()], context: ContextDep) -> VerdictsAnswer:
    """Return what the gate found, the latest first."""
    return record.show_verdicts(context, asked)


@router.post("/verdicts/{track_id:path}/overrule", responses=CHANGES)
def overrule(
    track_id: TrackId, word: Word, context: ContextDep, caller: CallerDep, now_ms: NowMs
) -> VerdictAnswer:
    """Put your word over the gate's; the track's status follows at once."""
    return record.overrule_verdict(context, track_id, word, caller.name, now_ms)


@router.get("/trials")
def trials(asked: Annotated[TrialsQuery, Query()], context: ContextDep) -> TrialsAnswer:
    """Return trials, the oldest first."""
    return record.show_trials(context, asked)


@router.get("/switches")
def switches(context: ContextDep) -> SwitchesAnswer:
    """Return every switch that was ever set."""
    return limits.show_switches(context)


@router.post("/switches/{name}/stop", responses=SETS)
def stop(
    name: SwitchName, body: SwitchBody, context: ContextDep, caller: CallerDep, now_ms: NowMs
) -> SwitchAnswer:
    """Send no more orders; what was sent is still fetched."""
    return limits.throw_switch(
        context, name, stopped=True, reason=body.reason, who=caller.name, now_ms=now_ms
    )


@router.post("/switches/{name}/resume", responses=SETS)
def resume(
    name: SwitchName, body: SwitchBody, context: ContextDep, caller: CallerDep, now_ms: NowMs
) -> SwitchAnswer:
    """Send orders again."""
    return limits.throw_switch(
        context, name, stopped=False, reason=body.reason, who=caller.name, now_ms=now_ms
    )


@router.get("/budget")
def budget(context: ContextDep, now_ms: NowMs) -> BudgetAnswer:
    """Return what was ordered today and what still may be."""
    return limits.show_budget(context, now_ms)
