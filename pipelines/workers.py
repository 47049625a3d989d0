"""Processes that a job starts to share its work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Let processes that start inside the block leave Ctrl-C to the one that started them.

    A terminal interrupts the whole group: each worker would end with a traceback of its own. A
    new process keeps the signals that were ignored when it started.
    """
    if threading.current_thread() is not threading.main_thread():  # only it may set handlers
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
