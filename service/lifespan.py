"""What runs while the service does: the store, the live set's watch and the page log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
from fastapi import FastAPI
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from core.telemetry import logger
from core.workspace import Workspace, open_workspace
from service.dependencies import Context, clock_ms
from service.experiments.roster import Roster
from service.live import LiveFeed
from service.metrics import Metrics
from service.pagewriter import PageWriter
from service.settings import Settings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def lifespan(data: Path, settings: Settings, metrics: Metrics) -> Lifespan:
    """Return the lifespan of an app over one data folder.

    The service answers before its first set is loaded, with 503; loading takes as long as the
    catalogue is large.
    """

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        threads = anyio.to_thread.current_default_thread_limiter()
        threads.total_tokens = settings.service.request_threads
        # Requests already fill the cores; a BLAS team inside each would only make them wait.
        with threadpool_limits(1), open_workspace(data, settings.store.url) as workspace:
            context = _context(workspace, settings, metrics)
            app.state.context = context
            context.pages.start()
            context.roster.start()
            context.live.start()
            logger().info("service_started", data=str(data))
            try:
                yield
            finally:
                await anyio.to_thread.run_sync(_stop, context, settings.service.drain_s)
                logger().info("service_stopped")

    return running


def _context(workspace: Workspace, settings: Settings, metrics: Metrics) -> Context:
    section = settings.service
    live = LiveFeed(
        workspace,
        settings.feed,
        metrics,
        clock_ms,
        poll_s=section.poll_s,
        reload_s=section.catalogue_reload_s,
    )
    pages = PageWriter(
        workspace.database, metrics, capacity=section.page_queue, batch_ms=section.page_batch_ms
    )
    roster = Roster(
        workspace.database,
        metrics,
        compare_share=settings.experiments.compare_share,
        poll_s=section.poll_s,
    )
    return Context(
        workspace,
        live,
        pages,
        metrics,
        settings.feed,
        settings.supply,
        settings.experiments,
        roster,
    )


def _stop(context: Context, drain_s: float) -> None:
    context.live.stop(drain_s)
    context.roster.stop(drain_s)
    context.pages.stop(drain_s)
