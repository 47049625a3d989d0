"""What operators see: health, readiness, figures, starting and stopping."""

from __future__ import annotations

import itertools
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from core.schema import requests, tracks
from core.workspace import open_workspace
from service.arguments import parse
from service.launch import serve
from tests.support.service_world import (
    REPOSITORY,
    SETTINGS,
    Service,
    event,
    lay_world,
    read,
    running_service,
    set_status,
    track_id,
    wait_until,
)


def test_the_process_and_its_catalogue_are_told_apart(service: Service) -> None:
    assert service.client.get("/healthz").json() == {"status": "ok"}
    ready = service.client.get("/readyz").json()
    assert (ready["status"], ready["promotion_id"], ready["versions"]) == ("ready", 0, {})
    assert ready["servable_tracks"] <= ready["tracks"]


def test_what_happens_is_counted(service: Service) -> None:
    names = {
        "feeds": "segue_feeds_total",
        "asked": 'segue_requests_total{method="GET",route="/v1/feed",status="200"}',
        "accepted": 'segue_events_total{verdict="accepted"}',
        "popular": 'segue_candidates_found_total{source="popular"}',
        "in": 'segue_candidates_total{point="in"}',
        "out": 'segue_candidates_total{point="out"}',
        "dropped": "segue_candidates_dropped_total",
        "stages": "segue_feed_stage_seconds_count",
    }
    before = {key: service.metric(name) for key, name in names.items()}
    service.ids("counted")
    batch = [event("counted", "t001", "dislike", "counted-1")]
    service.client.post("/v1/events", json=batch)
    service.ids("counted")
    after = {key: service.metric(name) for key, name in names.items()}
    grown = {key: after[key] - before[key] for key in names}
    assert (grown["feeds"], grown["asked"], grown["accepted"]) == (2, 2, 1)
    assert grown["popular"] > 0
    assert grown["in"] == grown["out"] + grown["dropped"]
    assert grown["stages"] > 4
    assert service.metric("segue_feeds_degraded_total") == 0


def test_an_empty_catalogue_is_not_ready_until_it_has_tracks(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data, 0)
    with running_service(data, wait=False) as running:
        wait_until(lambda: "import tracks" in running.client.get("/readyz").text, 30)
        answer = running.client.get("/v1/feed", params={"user_id": "u"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert answer.json()["type"] == "urn:segue:problem:not-ready"
        other = tmp_path / "other"
        lay_world(other, 12)
        copy_tracks(other, data)
        wait_until(lambda: running.client.get("/readyz").status_code == 200, 10)
        assert running.ids("u", size=5)


def copy_tracks(source: Path, target: Path) -> None:
    with open_workspace(source) as workspace:
        rows = [row._asdict() for row in read(workspace.database, sa.select(tracks))]
    with open_workspace(target) as workspace, workspace.database.write() as connection:
        connection.execute(sa.insert(tracks), rows)


def test_a_blocked_track_is_gone_within_a_second_and_a_half(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    with running_service(data, settings="") as running:  # the default: a look every second
        victim = running.ids("u", size=5)[0]
        number = int(victim[1:])
        set_status(data, number, "blocked")
        # The very next page: what is shown is read from the store when it is shown.
        assert victim not in running.ids("v", size=100)
        assert running.client.get(f"/v1/tracks/{victim}").status_code == 404
        assert running.client.get(f"/v1/tracks/{victim}/audio").status_code == 404
        ready = running.client.get("/readyz").json()
        wait_until(
            lambda: running.client.get("/readyz").json()["servable_tracks"] < ready["tracks"],
            1.5,
        )
        set_status(data, number, "active")
        wait_until(lambda: victim in running.ids("w", size=100), 10)


def test_a_remix_of_a_blocked_track_is_hidden_too(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    with open_workspace(data) as workspace, workspace.database.write() as connection:
        remix = sa.update(tracks).where(tracks.c.track_id == track_id(5))
        connection.execute(remix.values(parents=[track_id(6)]))
    with running_service(data) as running:
        assert {track_id(5), track_id(6)} <= set(running.ids("u", size=100))
        set_status(data, 6, "blocked")
        gone = {track_id(5), track_id(6)}
        # A new listener at every look: what one was shown just now would be missing anyway.
        looks = itertools.count()
        wait_until(lambda: not gone & set(running.ids(f"v{next(looks)}", size=100)), 5)
        assert running.client.get(f"/v1/tracks/{track_id(5)}/audio").status_code == 404


def test_pages_in_flight_are_logged_before_the_service_ends(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    slow = SETTINGS + "page_batch_ms = 10000\n"
    with running_service(data, settings=slow) as running:
        served = {
            running.client.get("/v1/feed", params={"user_id": f"u{n}"}).json()["request_id"]
            for n in range(7)
        }
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(30)
    with open_workspace(data) as workspace:
        logged = {row[0] for row in read(workspace.database, sa.select(requests.c.request_id))}
    assert logged == served


def test_two_workers_share_their_figures(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    with running_service(data, workers=2) as running:
        for number in range(10):
            # A connection of its own each, so that both workers get some.
            with httpx.Client(base_url=running.url, timeout=30) as client:
                wait_until(lambda: client.get("/readyz").status_code == 200, 30)
                answer = client.get("/v1/feed", params={"user_id": f"u{number}"})
                assert answer.status_code == 200
        assert running.metric("segue_feeds_total") == 10


@pytest.mark.parametrize(
    "arguments", [["--port", "no"], ["--port", "65536"], ["--workers", "0"], ["--nonsense"]]
)
def test_a_wrong_call_ends_with_2(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "service", *arguments]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert arguments[-1] in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_data_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve(parse(["--data", str(tmp_path / "nowhere")])) == 2
    told = capsys.readouterr().err
    assert "nowhere" in told
    assert "segue import" in told
    assert not (tmp_path / "nowhere").exists()


def test_every_fault_of_the_settings_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "segue.toml"
    config.write_text("[service]\npoll_s = -1\nspeed = 3\n[feed]\nsize = 0\n")
    assert serve(parse(["--data", str(tmp_path), "--config", str(config)])) == 2
    told = capsys.readouterr().err
    assert [n for n in ("service.poll_s", "service.speed", "feed.size") if n not in told] == []


def test_a_taken_port_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert serve(parse(["--data", str(tmp_path), "--port", str(port)])) == 1
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


def test_an_interrupt_ends_in_order(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data, 12)
    with running_service(data) as running:
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 0
        assert "Traceback" not in running.log.read_text()


def test_the_request_path_loads_neither_torch_nor_implicit(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    script = """
import asyncio, sys
from pathlib import Path
import httpx
from service.app import create_app
from service.settings import Settings

async def main():
    app = create_app(Settings(), Path(sys.argv[1]))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://segue") as client:
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.02)
            answer = await client.get("/v1/feed", params={"user_id": "u"})
            assert answer.status_code == 200 and answer.json()["slots"], answer.text
    heavy = {"torch", "implicit", "pipelines", "embeddings.audio"} & set(sys.modules)
    assert not heavy, heavy
    print("light")

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(data)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.endswith("light\n"), done.stderr
