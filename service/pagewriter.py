"""Writes served pages to the store after their answers left, many in one transaction."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.database import Database
from core.errors import SegueError
from core.telemetry import logger
from ranking.catalogue import Catalogue
from ranking.model import FeedQuery, Page
from ranking.pagelog import Exposure, append_pages, page_row
from service.metrics import Metrics

MAX_BATCH = 256  # about 20 MB of candidates in one transaction
RETRY_S = 0.5


def no_exposures() -> tuple[Exposure, ...]:
    """Return what a page outside experiments is part of."""
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class ServedPage:
    """A page with everything its log needs.

    Args:
        request_id: Its id.
        query: What was asked.
        page: What was served.
        catalogue: Names the rows.
        versions: Kind of artifact → version that served it.
        variant: The feed configuration that served it, "" outside experiments.
        exposures: Returns the experiments it is part of. It may make other variations' pages, so
            it is called after the answer left.
        teams: Catalogue row → the variation that placed it, where two share the page.
    """

    request_id: str
    query: FeedQuery
    page: Page
    catalogue: Catalogue
    versions: Mapping[str, str]
    variant: str = ""
    exposures: Callable[[], tuple[Exposure, ...]] = no_exposures
    teams: Mapping[int, str] = field(default_factory=dict)


class PageWriter:
    """A bounded queue of served pages and the one thread that writes them.

    A page that finds the queue full is dropped and counted: a log never holds up a listener.

    Args:
        database: The store.
        metrics: Where written and dropped pages are counted.
        capacity: Pages that may wait.
        batch_ms: Longest wait of a page for those after it.
    """

    def __init__(
        self, database: Database, metrics: Metrics, *, capacity: int, batch_ms: int
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._batch_s = batch_ms / 1000
        self._waiting: queue.Queue[ServedPage | None] = queue.Queue(capacity)
        self._thread = threading.Thread(target=self._run, name="page-writer", daemon=True)
        self._give_up_at_s = float("inf")

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def add(self, served: ServedPage) -> None:
        """Queue a page; never waits."""
        try:
            self._waiting.put_nowait(served)
        except queue.Full:
            self._metrics.pages_dropped.inc()

    def stop(self, timeout_s: float) -> None:
        """Write what waits, for at most `timeout_s`; the rest is dropped and counted."""
        self._give_up_at_s = time.monotonic() + timeout_s
        try:
            self._waiting.put(None, timeout=timeout_s)
        except queue.Full:
            logger().error("page_log_was_full_at_stop")
            return
        self._thread.join(max(self._give_up_at_s - time.monotonic(), 0) + RETRY_S)

    def _run(self) -> None:
        running = True
        while running:
            batch, running = self._next_batch()
            if batch:
                self._write(batch)

    def _next_batch(self) -> tuple[list[ServedPage], bool]:
        """Return pages that came close together, and whether more may follow."""
        batch: list[ServedPage] = []
        deadline_s = float("inf")
        while len(batch) < MAX_BATCH:
            try:
                wait_s = None if not batch else max(deadline_s - time.monotonic(), 0)
                served = self._waiting.get(timeout=wait_s)
            except queue.Empty:
                break
            if served is None:
                return batch, False
            if not batch:
                deadline_s = time.monotonic() + self._batch_s
            batch.append(served)
        return batch, True

    def _write(self, batch: list[ServedPage]) -> None:
        rows = [row for served in batch if (row := self._row(served)) is not None]
        while rows:
            try:
                with self._database.write() as connection:
                    append_pages(connection, rows)
            except SegueError as error:  # the store may come back; until then pages pile up
                if time.monotonic() + RETRY_S < self._give_up_at_s:
                    logger().warning("page_log_was_delayed", pages=len(rows), error=str(error))
                    time.sleep(RETRY_S)
                    continue
                self._drop(len(rows), error)
            except Exception as error:  # one bad batch must not end the log
                self._drop(len(rows), error)
            else:
                self._metrics.pages_logged.inc(len(rows))
            return

    def _row(self, served: ServedPage) -> dict[str, Any] | None:
        try:
            return page_row(
                served.page,
                served.query,
                served.request_id,
                served.catalogue,
                served.versions,
                served.variant,
                served.exposures(),
                served.teams,
            )
        except Exception as error:  # one bad page must not end the log
            self._drop(1, error)
            return None

    def _drop(self, pages: int, error: Exception) -> None:
        self._metrics.pages_dropped.inc(pages)
        logger().error("pages_were_dropped", pages=pages, error=repr(error))
