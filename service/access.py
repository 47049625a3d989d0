"""Who may call: routes that ask for a key, and for its scope, before they read anything else.

Source:
    Jones, Hardt: "The OAuth 2.0 Authorization Framework: Bearer Token Usage", RFC 6750, 2012.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from core.database import Database
from core.keys import ApiKey, find_caller
from core.telemetry import logger
from service.dependencies import opened
from service.middleware import bounded
from service.problems import ProblemError

SCHEME = "bearer"
READS = ("GET", "HEAD")
MAX_BODY_BYTES = 128 * 1024  # a brief with every text at its longest, escaped, takes 30 kB
BEARER = HTTPBearer(
    scheme_name="key",
    auto_error=False,  # the route has refused before
    description="A key made by `segue keys create`. GET needs the scope `<family>:read`, every "
    "other method `<family>:write`; the family is the first part of the path after /v1/.",
)
"""Tells the service's description of the header; it decides nothing."""


class KeyedRoute(APIRoute):
    """A route of `/v1/<family>/…`, open to keys with the scope `<family>:read` or `:write`.

    The key is asked for before the body is read: who has none learns nothing of what fits, and
    makes the service parse nothing. No route of a keyed family can forget to ask.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()
        family = self.path.split("/")[2]

        async def guarded(request: Request) -> Response:
            needed = f"{family}:{'read' if request.method in READS else 'write'}"
            context = await opened(request)
            given = request.headers.get("authorization", "")
            caller = await run_in_threadpool(authorised, context.workspace.database, given, needed)
            request.state.caller = caller
            receive = bounded(request.receive, MAX_BODY_BYTES, "send less at once")
            response = await answer(Request(request.scope, receive))
            if request.method not in READS:
                logger().info("change_was_called_for", by=caller.name, path=request.url.path)
            return response

        return guarded


def authorised(database: Database, given: str, needed: str) -> ApiKey:
    """Return the key of a request.

    Args:
        database: The store.
        given: Its `Authorization` header, or "".
        needed: The scope it must have.

    Raises:
        ProblemError: 401 without a key that is in use, 403 where it has not the scope.
    """
    scheme, _, text = given.partition(" ")
    if not given or scheme.lower() != SCHEME:
        detail = "send a key as `Authorization: Bearer KEY`; `segue keys create` makes one"
        raise ProblemError(401, "key-missing", detail, _challenge())
    caller = find_caller(database, text.strip())
    if caller is None:
        detail = "the key is unknown or was revoked; `segue keys create` makes a new one"
        raise ProblemError(401, "key-unknown", detail, _challenge('error="invalid_token"'))
    if needed not in caller.scopes:
        detail = (
            f"key {caller.name!r} has {', '.join(caller.scopes)}, this needs {needed}; call with a "
            "key that has it"
        )
        told = f'error="insufficient_scope", scope="{needed}"'
        raise ProblemError(403, "scope-missing", detail, _challenge(told))
    return caller


async def known_caller(request: Request) -> ApiKey:
    """Return whose request it is."""
    caller: ApiKey = request.state.caller
    return caller


CallerDep = Annotated[ApiKey, Depends(known_caller)]


def _challenge(more: str = "") -> dict[str, str]:
    return {"www-authenticate": 'Bearer realm="segue"' + (f", {more}" if more else "")}
