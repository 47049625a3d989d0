"""What a run tells: the Protocol, the one that tells nobody, and the one that forgives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from core.telemetry import logger


class RunLog(Protocol):
    """Takes down what one run was asked and what came of it."""

    def params(self, values: Mapping[str, Any]) -> None:
        """Take down settings, by dotted name."""

    def metrics(self, values: Mapping[str, float]) -> None:
        """Take down figures."""

    def document(self, name: str, value: Mapping[str, Any]) -> None:
        """Keep a document as a JSON file of that name."""

    def model(self, kind: str, version: str, folder: Path) -> None:
        """Keep the files of a model, and make it the newest of its kind."""

    def nested(self, name: str) -> AbstractContextManager[RunLog]:
        """Open a run within this one for the length of the block."""


class NoRunLog:
    """Tells nobody."""

    def params(self, values: Mapping[str, Any]) -> None:
        """Do nothing."""

    def metrics(self, values: Mapping[str, float]) -> None:
        """Do nothing."""

    def document(self, name: str, value: Mapping[str, Any]) -> None:
        """Do nothing."""

    def model(self, kind: str, version: str, folder: Path) -> None:
        """Do nothing."""

    def nested(self, name: str) -> AbstractContextManager[RunLog]:  # noqa: ARG002
        """Open nothing."""
        return nullcontext(self)


class ForgivingRunLog:
    """Tells another log until that fails once; a training does not end because a tracker is down.

    Args:
        log: The other one.
    """

    def __init__(self, log: RunLog) -> None:
        self._log = log
        self.failed = False

    def params(self, values: Mapping[str, Any]) -> None:
        """Pass settings on."""
        self._attempt(lambda: self._log.params(values))

    def metrics(self, values: Mapping[str, float]) -> None:
        """Pass figures on."""
        self._attempt(lambda: self._log.metrics(values))

    def document(self, name: str, value: Mapping[str, Any]) -> None:
        """Pass a document on."""
        self._attempt(lambda: self._log.document(name, value))

    def model(self, kind: str, version: str, folder: Path) -> None:
        """Pass a model on."""
        self._attempt(lambda: self._log.model(kind, version, folder))

    @contextmanager
    def nested(self, name: str) -> Iterator[RunLog]:
        """Open a run within the other's; what fails in it silences this one too."""
        opened = self._log.nested(name)
        inner: list[RunLog] = []
        self._attempt(lambda: inner.append(opened.__enter__()))
        if not inner:
            yield NoRunLog()
            return
        forgiving = ForgivingRunLog(inner[0])
        try:
            yield forgiving
        except BaseException:
            failure = sys.exc_info()
            self._attempt(lambda: opened.__exit__(*failure))
            raise
        self.failed = self.failed or forgiving.failed
        self._attempt(lambda: opened.__exit__(None, None, None))

    def _attempt(self, told: Callable[[], object]) -> None:
        if self.failed:
            return
        try:
            told()
        except Exception as error:  # whatever a tracker raises, the work is worth more
            self.failed = True
            logger().warning("tracking_failed", reason=f"{type(error).__name__}: {error}"[:500])
