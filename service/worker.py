"""What each process of the service starts from."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from prometheus_client import disable_created_metrics

from core.telemetry import configure_logging
from service.settings import Settings


def worker_app(settings: Settings, data: Path) -> FastAPI:
    """Return the app of one process; a spawned one knows nothing of its parent.

    The app is imported here, so that a process which only minds others stays small.
    """
    from service.app import create_app

    # A third of the exposition, and nobody reads when a counter began.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    configure_logging(as_json=settings.service.log_json)
    return create_app(settings, data)
