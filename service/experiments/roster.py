"""The experiments that run now, renewed while the service runs.

It has a thread of its own: what is stopped must end within seconds, also while a large set of
artifacts is being loaded.
"""

from __future__ import annotations

import threading

from core.database import Database
from core.telemetry import logger
from ranking.experiments.lifecycle.stickiness import StoredSticky
from ranking.experiments.lifecycle.stored import StoredExperiment, experiments_state, running
from service.metrics import Metrics


class Roster:
    """Holds the experiments that run.

    Args:
        database: Where they are kept.
        metrics: Where faults are counted.
        compare_share: Share of the pages in experiments that are compared with the other
            variations' pages.
        poll_s: Time between two looks.
    """

    def __init__(
        self, database: Database, metrics: Metrics, *, compare_share: float, poll_s: float
    ) -> None:
        self.compare_share = compare_share
        self.sticky = StoredSticky(database)
        self._database = database
        self._metrics = metrics
        self._poll_s = poll_s
        self._running: tuple[StoredExperiment, ...] = ()
        self._state: object = None
        self._trouble = ""
        self._faults: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="experiments", daemon=True)

    @property
    def running(self) -> tuple[StoredExperiment, ...]:
        """The experiments that run now."""
        return self._running

    def start(self) -> None:
        """Start to watch."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop watching."""
        self._stopping.set()
        self._thread.join(timeout_s)

    def look(self) -> None:
        """Look once for what started, changed or stopped."""
        with self._database.read() as connection:
            state = experiments_state(connection)
            if state == self._state:
                return
            found = running(connection)
        self._running, self._state = found, state
        self._metrics.experiments.set(len(found))
        logger().info("experiments_changed", running=[one.key for one in found])

    def report_fault(self, variant: str, error: Exception) -> None:
        """Say, once for each variant and reason, that it could not be served."""
        self._metrics.variant_faults.inc()
        if self._faults.get(variant) != str(error):
            self._faults[variant] = str(error)
            logger().error("variant_was_not_served", variant=variant, error=str(error))

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
                self._trouble = ""
            except Exception as error:  # the watch must outlive any bad moment
                trouble = f"{type(error).__name__}: {error}"
                if trouble != self._trouble:  # once, not at every look
                    logger().error("experiments_were_not_renewed", error=trouble)
                self._trouble = trouble
            self._stopping.wait(self._poll_s)
