"""`GET /v1/tracks/…`: a track, its recording and its neighbours."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from service.dependencies import ContextDep, TrackId
from service.problems import Problem
from service.schemas import SimilarAnswer, TrackDetail
from service.streaming import Conditions, recording_answer
from service.trackviews import similar_tracks, track_detail

router = APIRouter(tags=["tracks"], responses={404: {"model": Problem}})
AUDIO = {"content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}}}


@router.head("/v1/tracks/{track_id:path}/audio", include_in_schema=False)
@router.get(
    "/v1/tracks/{track_id:path}/audio",
    response_class=Response,
    responses={
        200: {"description": "The whole recording.", **AUDIO},
        206: {"description": "The range that was asked for.", **AUDIO},
        304: {"description": "The caller's copy is current."},
        416: {"model": Problem},
    },
)
def audio(
    track_id: TrackId, context: ContextDep, asked: Annotated[Conditions, Header()]
) -> Response:
    """Return a recording, or one range of its bytes."""
    return recording_answer(context, track_id, asked)


@router.get("/v1/tracks/{track_id:path}/similar")
def similar(
    track_id: TrackId, context: ContextDep, size: Annotated[int, Query(ge=1, le=100)] = 20
) -> SimilarAnswer:
    """Return the nearest tracks: by sound where it has a vector, else by who listens."""
    return similar_tracks(context, track_id, size)


@router.head("/v1/tracks/{track_id:path}", include_in_schema=False)
@router.get("/v1/tracks/{track_id:path}")
def track(track_id: TrackId, context: ContextDep) -> TrackDetail:
    """Return everything a listener may know of a track."""
    return track_detail(context, track_id)
