"""Promoted artifacts come into a running service, whole, checked and without a failed request."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx
import numpy as np
import sqlalchemy as sa

from core.schema import tracks
from core.workspace import open_workspace
from ranking.assembly import FeedConfig
from service.live import LiveFeed
from service.metrics import Metrics
from tests.support.service_world import (
    N_TRACKS,
    Service,
    lay_world,
    learn_by_hand,
    now,
    promote,
    running_service,
    set_status,
    track_id,
    unit_vectors,
    wait_until,
)


class Load:
    """Listeners that ask for pages without a break until they are told to stop."""

    def __init__(self, url: str, listeners: int) -> None:
        self.statuses: Counter[int] = Counter()
        self.faults: list[str] = []
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(url, f"load-{number}"))
            for number in range(listeners)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, url: str, user_id: str) -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            while not self._stopping.is_set():
                try:
                    # A new listener each time: one who has seen everything gets short pages.
                    who = f"{user_id}-{sum(self.statuses.values())}"
                    answer = client.get("/v1/feed", params={"user_id": who})
                except httpx.TransportError as error:
                    self.faults.append(repr(error))
                    continue
                self.statuses[answer.status_code] += 1
                if len(answer.json().get("slots", [])) != 20:
                    self.faults.append(answer.text)


def serves(running: Service, promotion_id: int) -> bool:
    found = running.client.get("/readyz").json()
    return bool(found["promotion_id"] == promotion_id)


def test_promotions_and_a_rollback_fail_no_request(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    first, second = learn_by_hand(data, 1), learn_by_hand(data, 2, dim=24)
    with running_service(data) as running, Load(running.url, 3) as load:
        wait_until(lambda: load.statuses[200] > 20, 30)
        for versions in (first, second):
            promotion_id = promote(data, versions)
            took_s = wait_until(lambda: serves(running, promotion_id), 20)  # noqa: B023
            assert running.client.get("/readyz").json()["versions"] == versions
            asked = load.statuses[200]
            wait_until(lambda: load.statuses[200] > asked + 20, 30)  # noqa: B023
            assert took_s < 10
        with open_workspace(data) as workspace:
            back = workspace.artifacts.rollback(now_ms=now(), reason="test")
        wait_until(lambda: serves(running, back.promotion_id), 20)
        assert running.client.get("/readyz").json()["versions"] == first
        shown = f'segue_live_artifact{{kind="index",version="{first["index"]}"}}'
        assert running.metric(shown) == 1
        gone = f'segue_live_artifact{{kind="index",version="{second["index"]}"}}'
        assert running.metric(gone) == 0
    assert load.faults == []
    assert set(load.statuses) == {200}


def test_a_set_that_does_not_fit_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    good, other = learn_by_hand(data, 1), learn_by_hand(data, 2, dim=24)
    with running_service(data) as running:
        promotion_id = promote(data, good)
        wait_until(lambda: serves(running, promotion_id), 20)
        bad = {
            "another dimension": {**good, "index": other["index"]},
            "no such artifact": {**good, "factors": "20260101T000000-000-00000000"},
        }
        for number, (reason, versions) in enumerate(bad.items(), start=1):
            promote(data, versions, unchecked=True)
            wait_until(lambda: running.metric("segue_promotions_refused_total") == number, 20)  # noqa: B023
            ready = running.client.get("/readyz")
            assert ready.status_code == 200, reason
            assert ready.json()["promotion_id"] == promotion_id
            assert "is not served" in ready.json()["refused"]
            assert running.client.get("/v1/feed?user_id=u").json()["degraded"] is False
        better = promote(data, other)
        wait_until(lambda: serves(running, better), 20)
        assert running.client.get("/readyz").json()["refused"] == ""


class Onlooker(Metrics):
    """Looks at what is served at the very moments when something is counted or shown."""

    live_feed: LiveFeed
    seen: list[tuple[int, bool]]

    def show_live(self, promotion_id: int, versions: Mapping[str, str]) -> None:
        feed, refused = self.live_feed.standing
        assert feed is not None
        self.seen.append((feed.promotion_id, bool(refused)))
        super().show_live(promotion_id, versions)


def test_nobody_sees_a_new_set_beside_the_refusal_of_an_older_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    good, other = learn_by_hand(data, 1), learn_by_hand(data, 2, dim=24)
    with open_workspace(data) as workspace:
        onlooker = Onlooker()
        live = LiveFeed(workspace, FeedConfig(), onlooker, now, poll_s=60, reload_s=60)
        onlooker.live_feed, onlooker.seen = live, []
        expected = []
        for versions, fits in ((good, True), ({**good, "index": other["index"]}, False)):
            promotion_id = promote(data, versions, unchecked=True)
            live.look()
            expected += [(promotion_id, False)] * fits
            assert bool(live.standing.refused) is not fits
        better = promote(data, other)
        live.look()
        assert onlooker.seen == [*expected, (better, False)]
        assert live.standing.refused == ""


def test_a_start_with_a_damaged_artifact_serves_what_it_can(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    versions = learn_by_hand(data, 1)
    promote(data, versions)
    with open_workspace(data) as workspace:
        damaged = workspace.artifacts.folder("factors", versions["factors"]) / "tracks.npy"
        content = damaged.read_bytes()
        damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with running_service(data) as running:
        ready = running.client.get("/readyz").json()
        assert ready["promotion_id"] == 0
        assert "tracks.npy was changed" in ready["refused"]
        page = running.client.get("/v1/feed?user_id=u").json()
        assert len(page["slots"]) == 20
        assert page["degraded"] is True


def test_similar_tracks_are_the_nearest_that_may_be_served(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    promote(data, learn_by_hand(data, 5))
    set_status(data, 7, "blocked")
    vectors = unit_vectors(5, 16)
    cosines = vectors @ vectors[3]
    order = [number for number in np.argsort(-cosines) if number not in (3, 7)]
    with running_service(data) as running:
        found = running.client.get("/v1/tracks/t003/similar?size=8").json()
        assert (found["track_id"], found["basis"]) == ("t003", "audio")
        assert [near["track_id"] for near in found["tracks"]] == [
            track_id(int(number)) for number in order[:8]
        ]
        # faiss and numpy add 16 products in another order: a few units in the last place.
        scores = [near["score"] for near in found["tracks"]]
        assert np.allclose(scores, cosines[order[:8]], atol=1e-6)
        everything = running.client.get("/v1/tracks/t003/similar?size=100").json()["tracks"]
        assert len(everything) == N_TRACKS - 3  # itself, the blocked one, the one without a vector
        by_listeners = running.client.get(f"/v1/tracks/{track_id(N_TRACKS - 1)}/similar").json()
        assert by_listeners["basis"] == "listening"


def test_a_new_track_comes_into_the_running_service(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    promote(data, learn_by_hand(data, 1))
    row = {
        "track_id": "a-new-one",
        "creator_id": "c99",
        "title": "New",
        "status": "trial",
        "regions": [],
        "tags": [],
        "parents": [],
        "updated_at": now(),
    }
    with running_service(data) as running:
        before = running.client.get("/readyz").json()["tracks"]
        with open_workspace(data) as workspace, workspace.database.write() as connection:
            connection.execute(sa.insert(tracks), [row])
        wait_until(lambda: running.client.get("/readyz").json()["tracks"] == before + 1, 10)
        wait_until(lambda: "a-new-one" in running.ids("u", size=100), 10)
