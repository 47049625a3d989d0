"""The same answers over each kind of store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from core.settings import StoreSection
from service.app import create_app
from service.settings import ServiceSection, Settings
from tests.support.service_world import event, lay_world, set_status, track_id

pytest_plugins = ["tests.support.postgres"]

SECTION = ServiceSection(poll_s=0.02, catalogue_reload_s=0, page_batch_ms=1)
PREFERENCES = {"ai": "none", "explicit": True, "region": "", "blocked_creators": ["c2"]}


async def until(ask: Any, holds: Any) -> Any:
    """Ask until the answer is as wanted; the deadline of the whole test ends it otherwise."""
    while not holds(answer := await ask()):
        await asyncio.sleep(0.01)
    return answer


async def live_through(client: httpx.AsyncClient, data: Path, store_url: str) -> None:
    async def page(user_id: str) -> list[str]:
        answer = await client.get("/v1/feed", params={"user_id": user_id, "size": 100})
        assert answer.status_code == 200, answer.text
        return [slot["track_id"] for slot in answer.json()["slots"]]

    await until(lambda: client.get("/readyz"), lambda answer: answer.status_code == 200)
    first = await page("u")
    batch = [
        event("u", track_id(1), "play", "e1"),
        event("u", track_id(1), "dislike", "e2"),
        event("u", track_id(4), "follow", "e3"),
    ]
    for expected in ("accepted", "duplicate"):
        verdicts = (await client.post("/v1/events", json=batch)).json()["verdicts"]
        assert [verdict["status"] for verdict in verdicts] == [expected] * 3
    assert track_id(1) in first
    assert track_id(1) not in await page("u")
    answer = await client.put("/v1/users/w/preferences", json=PREFERENCES)
    assert answer.json() == {**PREFERENCES, "user_id": "w"}
    assert not {track_id(2), track_id(3)} & set(await page("w"))
    set_status(data, 5, "blocked", store_url)
    assert track_id(5) not in await page("x")
    await until(
        lambda: client.get("/readyz"),
        lambda answer: answer.json()["servable_tracks"] == len(first) - 1,
    )
    await until(
        lambda: client.get("/metrics"), lambda answer: "pages_logged_total 4" in answer.text
    )


def test_a_listener_is_served_from_each_kind_of_store(tmp_path: Path, store_url: str) -> None:
    data = tmp_path / "data"
    lay_world(data, 12, store_url)
    settings = Settings(service=SECTION, store=StoreSection(url=store_url))

    async def inside() -> None:
        app = create_app(settings, data)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://segue") as client,
        ):
            await live_through(client, data, store_url)

    asyncio.run(asyncio.wait_for(inside(), 60))
