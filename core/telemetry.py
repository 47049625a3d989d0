"""Logs and timings: structured, configured once by a program's entry point."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog


def configure_logging(*, as_json: bool, level: str = "INFO") -> None:
    """Send structured logs to standard error; standard output belongs to results.

    Args:
        as_json: One JSON document a line, for machines; else coloured text, for people.
        level: DEBUG, INFO, WARNING or ERROR.
    """
    renderer: list[Any] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(renderer if as_json else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        # Looked up at each use: progress bars and test runners put their own stream in its place.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def logger() -> Any:
    """Return a logger; an event's name is a short past-tense fact, everything else is a key."""
    return structlog.get_logger()


class Stopwatch:
    """Named durations of one request or job, in the order they ended."""

    __slots__ = ("durations_ms",)

    def __init__(self) -> None:
        self.durations_ms: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time spent in the block to `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent_ms = (time.perf_counter() - start) * 1000
            self.durations_ms[name] = self.durations_ms.get(name, 0.0) + spent_ms
