"""`/v1/experiments…`: who is tried on what, and what client SDKs are told; for holders of keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response, Security

from core.events import ExternalId
from service.access import BEARER, CallerDep, KeyedRoute
from service.dependencies import ContextDep, NowMs
from service.experiments import desk
from service.experiments.features import features_answer
from service.experiments.schemas import (
    Archival,
    Decision,
    ExperimentAnswer,
    ExperimentEdit,
    ExperimentsAnswer,
    ExperimentsQuery,
    FeaturesAnswer,
    FeaturesQuery,
    HistoryAnswer,
    NewExperiment,
    ResultsAnswer,
)
from service.routes.supply import problems
from service.supply.paging import PageQuery

CHANGES = problems(400, 404, 409, 413)
Key = Annotated[ExternalId, Path(description="The experiment.")]
Known = Annotated[str, Header(alias="If-None-Match", description="The `etag` that is known.")]

router = APIRouter(
    prefix="/v1/experiments",
    tags=["experiments"],
    route_class=KeyedRoute,
    dependencies=[Security(BEARER)],
    responses=problems(401, 403),
)


@router.get("")
def experiments(
    asked: Annotated[ExperimentsQuery, Query()], context: ContextDep
) -> ExperimentsAnswer:
    """Return experiments, the newest first."""
    return desk.list_all(context, asked)


@router.post("", responses=problems(400, 409, 413))
def create(
    new: NewExperiment, context: ContextDep, caller: CallerDep, now_ms: NowMs
) -> ExperimentAnswer:
    """Lay down a draft; the same spec is laid down once."""
    return desk.create(context, new, caller.name, now_ms)


@router.get(
    "/features",
    response_model=FeaturesAnswer,
    responses={304: {"description": "What the caller knows is what there is."}},
)
def features(
    asked: Annotated[FeaturesQuery, Query()], context: ContextDep, known: Known = ""
) -> Response:
    """Return what client SDKs take as their payload: a feature for each experiment that runs."""
    return features_answer(context, asked.user_id or "", known)


@router.get("/{key}", responses=problems(404))
def experiment(key: Key, context: ContextDep) -> ExperimentAnswer:
    """Return one experiment."""
    return desk.show(context, key)


@router.put("/{key}", responses=CHANGES)
def edit(
    key: Key, wanted: ExperimentEdit, context: ContextDep, caller: CallerDep, now_ms: NowMs
) -> ExperimentAnswer:
    """Replace what a draft says, or widen what runs; refused where somebody else came first."""
    return desk.edit(context, key, wanted, caller.name, now_ms)


@router.get("/{key}/history", responses=problems(404))
def history(key: Key, asked: Annotated[PageQuery, Query()], context: ContextDep) -> HistoryAnswer:
    """Return who changed it, when, how and why, the first one first."""
    return desk.show_history(context, key, asked)


@router.get("/{key}/results", responses=problems(404))
def results(key: Key, context: ContextDep) -> ResultsAnswer:
    """Return what the newest analysis said: effects with intervals, checks, and the decision."""
    return desk.show_results(context, key)


@router.post("/{key}/start", responses=CHANGES)
def start(
    key: Key, asked: Decision, context: ContextDep, caller: CallerDep, now_ms: NowMs
) -> ExperimentAnswer:
    """Let listeners into a draft; refused with everything that is in the way."""
    return desk.start(context, key, asked, caller.name, now_ms)


@router.post("/{key}/stop", responses=CHANGES)
def stop(
    key: Key, asked: Decision, context: ContextDep, caller: CallerDep, now_ms: NowMs
) -> ExperimentAnswer:
    """End an experiment for every listener; it cannot start again."""
    return desk.stop(context, key, asked, caller.name, now_ms)


@router.post("/{key}/archive", responses=CHANGES)
def archive(
    key: Key,
    context: ContextDep,
    caller: CallerDep,
    now_ms: NowMs,
    asked: Archival | None = None,
) -> ExperimentAnswer:
    """Put away a draft, or what was stopped."""
    return desk.archive(context, key, asked or Archival(), caller.name, now_ms)
