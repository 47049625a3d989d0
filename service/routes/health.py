"""`/healthz`, `/readyz`, `/metrics`: what operators and probes ask."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service.dependencies import ContextDep
from service.schemas import Health, Readiness

router = APIRouter(tags=["operations"])
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process runs."""
    return Health()


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
async def readyz(context: ContextDep) -> Readiness:
    """Say what is served; 503 with the reason while nothing is."""
    serving, refused = context.standing()
    return Readiness(
        promotion_id=serving.promotion_id,
        versions=dict(serving.versions),
        tracks=len(serving.catalogue),
        servable_tracks=serving.servable,
        refused=refused,
    )


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(context: ContextDep) -> Response:
    """Return every figure in Prometheus' text format."""
    return Response(context.metrics.exposition(), media_type=EXPOSITION)
