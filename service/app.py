"""The app: settings in, a service out."""

from __future__ import annotations

from importlib.metadata import version as package_version
from pathlib import Path

from fastapi import FastAPI

from service.lifespan import lifespan
from service.metrics import Metrics
from service.middleware import Bounded, Observed
from service.openapi import describe
from service.problems import Problem, register
from service.routes import events, experiments, feed, health, supply, tracks, users
from service.settings import Settings


def create_app(settings: Settings, data: Path) -> FastAPI:
    """Return the service over one data folder.

    Args:
        settings: How it runs and how it makes feeds.
        data: The data folder; opened when the app starts, closed when it stops.
    """
    metrics = Metrics()
    app = FastAPI(
        title="Segue",
        summary="Personalised feeds of music, and what listeners did with them.",
        version=package_version("segue"),
        lifespan=lifespan(data, settings, metrics),
        responses={422: {"model": Problem}, 503: {"model": Problem}},
        docs_url=None,  # these pages load their scripts from another host
        redoc_url=None,
        strict_content_type=False,  # a body without a type can only be JSON here
    )
    register(app)
    app.add_middleware(Bounded)
    app.add_middleware(Observed, metrics=metrics)
    for family in (feed, events, tracks, users, supply, experiments, health):
        app.include_router(family.router)
    document = None

    def openapi() -> dict[str, object]:
        nonlocal document
        document = document or describe(app)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    return app
