"""What happens around every request: it is bounded, counted and timed."""

from __future__ import annotations

import time

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import Metrics

UNMATCHED = "(none)"  # a path of no route; its text would make a label of everything asked for
MAX_BODY_BYTES = 2 * 1024 * 1024  # 500 events with every field at its longest take 0.7 MB


class Bounded:
    """Refuses a body as soon as it grows beyond what any request can need.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, bounded(receive, MAX_BODY_BYTES, "send smaller batches"), send)


def bounded(receive: Receive, most_bytes: int, advice: str) -> Receive:
    """Return what receives a body and gives up as soon as it is longer than it may be.

    Args:
        receive: What receives it.
        most_bytes: How long it may be.
        advice: What to do where it is longer.
    """
    size = 0

    async def received() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most_bytes:
            detail = f"the body is longer than {most_bytes} bytes; {advice}"
            raise HTTPException(413, detail, {"connection": "close"})
        return message

    return received


class Observed:
    """Counts and times requests by route, and forbids browsers to guess what an answer is.

    Args:
        app: What answers.
        metrics: Where to count.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # an exception that nobody answered becomes one outside of here
        start_s = time.perf_counter()

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-content-type-options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            route = getattr(scope.get("route"), "path", UNMATCHED)
            self._metrics.request_s.labels(route).observe(time.perf_counter() - start_s)
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
