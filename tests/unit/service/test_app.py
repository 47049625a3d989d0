"""The app in process: what it answers when the store is away or its own code fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from core.errors import StoreUnavailableError
from service import feeds
from service.app import create_app
from service.settings import ServiceSection, Settings
from tests.support.service_world import event, lay_world

Steps = Callable[[FastAPI, httpx.AsyncClient], Awaitable[None]]


KEY = "segue_000000000000_" + "A" * 43  # has a key's form, so that the store is asked for it


class AwayDatabase:
    """A store that cannot be reached."""

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        raise StoreUnavailableError("the store is away")
        yield

    write = read


def run(data: Path, steps: Steps) -> None:
    """Run steps against an app over a small world."""
    lay_world(data, 12)

    async def inside() -> None:
        app = create_app(Settings(service=ServiceSection(poll_s=0.02)), data)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://segue") as client,
        ):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.01)
            await steps(app, client)

    asyncio.run(asyncio.wait_for(inside(), 60))


def test_a_store_that_is_away_is_worth_another_try(tmp_path: Path) -> None:
    async def steps(app: FastAPI, client: httpx.AsyncClient) -> None:
        whole = app.state.context
        away = replace(whole.workspace, database=AwayDatabase())
        app.state.context = replace(whole, workspace=away)
        try:
            asked = [
                await client.get("/v1/feed", params={"user_id": "u"}),
                await client.post("/v1/events", json=[event("u", "t001", "play", "e")]),
                await client.get("/v1/tracks/t001"),
                await client.get("/v1/users/u/preferences"),
                await client.get("/v1/supply/gaps", headers={"authorization": f"Bearer {KEY}"}),
            ]
        finally:
            app.state.context = whole
        for answer in asked:
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json()["type"] == "urn:segue:problem:store-unavailable"
        assert (await client.get("/healthz")).status_code == 200

    run(tmp_path, steps)


def test_a_fault_of_the_code_is_a_problem_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    async def steps(_: FastAPI, client: httpx.AsyncClient) -> None:
        monkeypatch.setattr(feeds, "load_listener", fails)
        answer = await client.get("/v1/feed", params={"user_id": "u"})
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret" not in answer.text
        figures = (await client.get("/metrics")).text
        assert 'segue_requests_total{method="GET",route="/v1/feed",status="500"} 1.0' in figures

    run(tmp_path, steps)
