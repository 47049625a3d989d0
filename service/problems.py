"""Errors as `application/problem+json` (RFC 9457), one shape for every route.

Source:
    Nottingham, Wilde, Dalal: "Problem Details for HTTP APIs", RFC 9457, 2023.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from core.errors import StoreUnavailableError
from core.telemetry import logger

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
_CLEARER = {
    "extra_forbidden": "there is no such field; correct its name or leave it out",
    "model_attributes_type": "should be a JSON object; send it as content-type application/json",
}
"""What pydantic says too briefly: the kind of its error → our words."""


class FieldFault(BaseModel):
    """What is wrong with one field of a request."""

    field: str
    message: str


class Problem(BaseModel):
    """The body of every answer that is not a success."""

    type: str
    """A URN that names the kind of problem and never changes."""
    title: str
    status: int
    detail: str
    instance: str
    """The path that was asked for."""
    errors: list[FieldFault] | None = None
    """Faults field by field, where a request does not fit its schema."""


class ProblemError(Exception):
    """An answer that is not a success, raised where it is found.

    Args:
        status: HTTP status.
        kind: Last part of the problem's URN ("unknown-track").
        detail: What, why and what to do next.
        headers: Headers of the answer.
        errors: Faults field by field.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldFault] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = errors


def unavailable(kind: str, detail: str) -> ProblemError:
    """Return the problem of a service that cannot answer now but soon may."""
    return ProblemError(503, kind, detail, {"retry-after": str(RETRY_AFTER_S)})


def unknown_track(track_id: str) -> ProblemError:
    """Return the problem of a track that does not exist or may not be shown."""
    return ProblemError(404, "unknown-track", f"there is no track {track_id!r} to show")


def register(app: FastAPI) -> None:
    """Make every failure of an app answer as a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(StoreUnavailableError, _on_store_away)
    app.add_exception_handler(sa.exc.TimeoutError, _on_store_away)  # no pooled connection in time
    app.add_exception_handler(Exception, _on_fault)


def answer(request: Request, error: ProblemError) -> Response:
    """Return the response that tells of a problem."""
    problem: dict[str, Any] = {
        "type": f"urn:segue:problem:{error.kind}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "instance": request.url.path,
    }
    if error.errors is not None:
        problem["errors"] = [fault.model_dump() for fault in error.errors]
    headers = {"x-content-type-options": "nosniff", **error.headers}
    return Response(orjson.dumps(problem), error.status, headers, MEDIA_TYPE)


def field_faults(errors: Sequence[Mapping[str, Any]]) -> list[FieldFault]:
    """Turn pydantic's list of errors into ours."""
    return [
        FieldFault(
            field=".".join(map(str, e["loc"])) or "(the whole)",
            message=_CLEARER.get(e["type"], e["msg"]),
        )
        for e in errors
    ]


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return answer(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(fault["type"] == "json_invalid" for fault in found):
        return answer(request, ProblemError(400, "malformed-json", "the body is not JSON"))
    # FastAPI starts a location with where the value stood; a field's name is enough.
    faults = field_faults([{**fault, "loc": fault["loc"][1:] or fault["loc"]} for fault in found])
    named = "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
    return answer(request, ProblemError(422, "invalid-request", named, errors=faults))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return answer(request, ProblemError(error.status_code, kind, detail, error.headers))


async def _on_store_away(request: Request, error: Exception) -> Response:
    logger().warning("store_was_away", path=request.url.path, error=str(error))
    detail = "the store cannot answer now; ask again"
    return answer(request, unavailable("store-unavailable", detail))


async def _on_fault(request: Request, error: Exception) -> Response:
    logger().error("request_failed", path=request.url.path, error=repr(error))
    detail = "the service failed to answer; its log says why"
    return answer(request, ProblemError(500, "internal-error", detail))
