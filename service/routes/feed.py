"""`GET /v1/feed`: one page for one listener."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from service.dependencies import ContextDep, NowMs
from service.feeds import serve_feed
from service.schemas import FeedAnswer, FeedParameters

router = APIRouter(tags=["feed"])


@router.get("/v1/feed")
def feed(
    parameters: Annotated[FeedParameters, Query()], context: ContextDep, now_ms: NowMs
) -> FeedAnswer:
    """Return a page: tracks in order, each with why it is here."""
    return serve_feed(context, parameters, now_ms)
