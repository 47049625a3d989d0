"""`POST /v1/events`: what listeners did, in batches, each event with its verdict."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from service.dependencies import ContextDep, NowMs
from service.eventbatch import parse_batch, take_batch
from service.problems import Problem
from service.schemas import EventsAnswer

router = APIRouter(tags=["events"])
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EventBatch"}}},
    }
}


async def whole_body(request: Request) -> bytes:
    """Return a request's body, whatever it is said to be: a browser's beacon names it text."""
    return await request.body()


@router.post(
    "/v1/events",
    openapi_extra=BODY,
    responses={400: {"model": Problem}, 413: {"model": Problem}},
)
def events(
    body: Annotated[bytes, Depends(whole_body)], context: ContextDep, now_ms: NowMs
) -> EventsAnswer:
    """Record a batch; an event that breaks a rule is refused by itself."""
    verdicts = take_batch(context.workspace.database, parse_batch(body), now_ms)
    for verdict in verdicts.verdicts:
        context.metrics.events.labels(verdict.status).inc()
    return verdicts
