"""What a listener does with a copy of a recording shapes their next feed, over a real socket."""

from __future__ import annotations

from pathlib import Path

from tests.support.service_world import (
    event,
    lay_world,
    learn_by_hand,
    mark_copy,
    promote,
    running_service,
    track_id,
)

ORIGINAL, COPY = track_id(40), track_id(41)
DISLIKED_ORIGINAL, DISLIKED_COPY = track_id(10), track_id(20)


def test_what_is_done_with_a_copy_is_done_with_the_recording(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lay_world(data)
    mark_copy(data, 41, 40)
    mark_copy(data, 20, 10)
    promote(data, learn_by_hand(data, 1))
    with running_service(data) as service:
        everything = set(service.ids("nobody", size=100))
        assert {ORIGINAL, DISLIKED_ORIGINAL} <= everything
        assert not {COPY, DISLIKED_COPY} & everything
        told = [
            event("listener", COPY, "play", "e1"),
            event("listener", COPY, "finish", "e2"),
            event("listener", DISLIKED_COPY, "dislike", "e3"),
            event("fan", COPY, "like", "e4"),
        ]
        answer = service.client.post("/v1/events", json={"events": told})
        assert answer.json()["accepted"] == len(told)
        left = set(service.ids("listener", size=100))
        assert everything - left == {ORIGINAL, DISLIKED_ORIGINAL}
        # A like asks for more of the kind: the copy's own vector speaks, and it is named.
        reasons = [slot["reason"] for slot in service.slots("fan", size=20)]
        assert any("Title 41" in reason for reason in reasons)
        again = set(service.ids("stranger", size=100, exclude=COPY))
        assert everything - again == {ORIGINAL}
        near = service.client.get(f"/v1/tracks/{COPY}/similar", params={"size": 100}).json()
        named = {one["track_id"] for one in near["tracks"]}
        assert DISLIKED_ORIGINAL in named
        assert not {ORIGINAL, COPY} & named
