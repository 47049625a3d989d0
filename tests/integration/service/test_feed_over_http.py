"""Feeds over a real socket, and how they follow what listeners do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import sqlalchemy as sa

from core.schema import requests
from core.workspace import open_workspace
from tests.support.service_world import (
    N_TRACKS,
    N_TRIAL,
    Service,
    event,
    read,
    track_id,
    wait_until,
)

TRIAL = {track_id(number) for number in range(N_TRACKS - N_TRIAL, N_TRACKS)}
SLOT_FIELDS = {
    *("position", "track_id", "title", "artist", "creator_id", "origin", "source", "reason"),
    *("score", "propensity", "is_fresh", "stream_url", "duration_ms"),
}


def test_a_stranger_gets_a_whole_page(service: Service) -> None:
    answer = service.client.get("/v1/feed", params={"user_id": "stranger", "size": 20})
    page = answer.json()
    assert answer.status_code == 200
    assert set(page) == {*("request_id", "user_id", "surface", "degraded", "slots", "next_cursor")}
    assert (page["user_id"], page["surface"], page["degraded"]) == ("stranger", "home", False)
    slots = page["slots"]
    assert [slot["position"] for slot in slots] == list(range(20))
    assert len({slot["track_id"] for slot in slots}) == 20
    for slot in slots:
        assert set(slot) == SLOT_FIELDS
        number = int(slot["track_id"][1:])
        assert slot["title"] == f"Title {number}"
        assert slot["stream_url"] == f"/v1/tracks/{slot['track_id']}/audio"
        assert slot["origin"] == ("generated" if number % 4 == 3 else "human")
        assert slot["reason"][0].isupper()
        assert 0 < slot["propensity"] <= 1
        assert slot["is_fresh"] is (slot["track_id"] in TRIAL)
    assert any(slot["is_fresh"] for slot in slots)


def test_a_played_or_disliked_track_is_gone_from_the_next_feed(service: Service) -> None:
    user_id = "reacting"
    played, disliked, *_ = service.ids(user_id, size=10)
    events = [
        event(user_id, played, "play", "reacting-1", position=0),
        event(user_id, played, "finish", "reacting-2", position=0),
        event(user_id, disliked, "dislike", "reacting-3", position=1),
    ]
    answer = service.client.post("/v1/events", json={"events": events})
    assert answer.json()["accepted"] == 3
    following = service.ids(user_id, size=100)
    assert played not in following
    assert disliked not in following
    everyone = service.ids("someone-else", size=100)
    assert {played, disliked} <= set(everyone)


def test_an_event_delivered_twice_counts_once(service: Service) -> None:
    batch = [event("twice", "t001", "play", "twice-1")]
    first = service.client.post("/v1/events", json=batch).json()
    second = service.client.post("/v1/events", json=batch).json()
    assert [first["verdicts"][0]["status"], second["verdicts"][0]["status"]] == [
        "accepted",
        "duplicate",
    ]


def test_a_bad_event_does_not_spoil_its_batch(service: Service) -> None:
    batch = [
        event("mixed", "t001", "play", "mixed-1"),
        event("mixed", "nowhere", "play", "mixed-2"),
        event("mixed", "t002", "gaze", "mixed-3"),
        {"event_id": "mixed-4"},
        event("mixed", "t002", "like", "mixed-5"),
    ]
    answer = service.client.post("/v1/events", json={"events": batch})
    assert answer.status_code == 200
    assert [verdict["status"] for verdict in answer.json()["verdicts"]] == [
        "accepted",
        "rejected",
        "rejected",
        "rejected",
        "accepted",
    ]
    assert "unknown track_id" in answer.json()["verdicts"][1]["reason"]


def test_excluded_tracks_stay_out(service: Service) -> None:
    unwanted = service.ids("excluding", size=5)
    found = service.ids("excluding-too", size=100, exclude=",".join([*unwanted, "nowhere"]))
    assert found
    assert not set(unwanted) & set(found)


def test_preferences_shape_the_next_feed(service: Service) -> None:
    path = "/v1/users/particular/preferences"
    wanted = {"ai": "none", "explicit": False, "region": "de", "blocked_creators": ["c1"]}
    answer = service.client.put(path, json=wanted)
    assert answer.status_code == 200
    expected = {**wanted, "user_id": "particular", "region": "DE"}
    assert answer.json() == service.client.get(path).json() == expected
    slots = service.slots("particular", size=100)
    assert slots
    assert {slot["origin"] for slot in slots} == {"human"}
    assert "c1" not in {slot["creator_id"] for slot in slots}
    assert not {slot["track_id"] for slot in slots} & {track_id(n) for n in range(4, N_TRACKS, 5)}


def test_a_follow_brings_the_creator(service: Service) -> None:
    batch = [event("fan", "t007", "follow", "fan-1")]
    assert service.client.post("/v1/events", json=batch).json()["accepted"] == 1
    reasons = {slot["creator_id"]: slot["reason"] for slot in service.slots("fan", size=50)}
    assert "c7" in reasons


def test_every_page_is_logged_with_its_slots(service: Service) -> None:
    answer = service.client.get("/v1/feed", params={"user_id": "logged", "surface": "radio"})
    page = answer.json()
    query = sa.select(requests).where(requests.c.request_id == page["request_id"])
    with open_workspace(service.data) as workspace:
        wait_until(lambda: bool(read(workspace.database, query)))
        row = read(workspace.database, query)[0]
    assert (row.user_id, row.surface, row.degraded) == ("logged", "radio", False)
    assert len(row.slots) == len(page["slots"])
    assert len(row.candidates) > 0


def test_two_pages_in_a_row_do_not_repeat(service: Service) -> None:
    first = service.ids("paging", size=10)

    def differs() -> bool:
        return not set(first) & set(service.ids("paging", size=10))

    # The page reaches the log within a tenth of a second; from then on it is not shown again.
    wait_until(differs, 5)


def pages_of(service: Service, user_id: str, size: int, **more: str) -> Iterator[dict[str, Any]]:
    """Yield the pages of a feed until it ends."""
    cursor: str | None = ""
    while cursor is not None:
        asked = {"user_id": user_id, "size": size, "cursor": cursor, **more}
        answer = service.client.get("/v1/feed", params=asked)
        assert answer.status_code == 200, answer.text
        yield answer.json()
        cursor = answer.json()["next_cursor"]


@pytest.mark.parametrize("size", [7, 20])
def test_page_after_page_shows_every_track_once(service: Service, size: int) -> None:
    # Asked faster than pages are logged, on a surface where what was shown may come back.
    pages = list(pages_of(service, f"scrolling-{size}", size))
    shown = [slot["track_id"] for page in pages for slot in page["slots"]]
    assert len(set(shown)) == len(shown)
    assert set(shown) == {track_id(number) for number in range(N_TRACKS)}
    assert pages[-1]["slots"] == []
    assert len({page["request_id"] for page in pages}) == len(pages)


def test_a_creator_keeps_their_distance_over_the_end_of_a_page(service: Service) -> None:
    pages = islice(pages_of(service, "spaced", 5), 4)
    creators = [slot["creator_id"] for page in pages for slot in page["slots"]]
    assert len(creators) == 20
    for at in range(len(creators) - 2):
        assert len(set(creators[at : at + 3])) == 3


def test_a_cursor_of_somebody_else_or_of_nobody_is_refused(service: Service) -> None:
    first = service.client.get("/v1/feed", params={"user_id": "eve", "size": 5}).json()
    for cursor, user_id in ((first["next_cursor"], "mallory"), ("rubbish", "eve")):
        asked = {"user_id": user_id, "size": 5, "cursor": cursor}
        answer = service.client.get("/v1/feed", params=asked)
        assert answer.status_code == 422
        assert [fault["field"] for fault in answer.json()["errors"]] == ["cursor"]
