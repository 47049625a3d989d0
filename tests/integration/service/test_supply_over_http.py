"""What product teams see and decide, over a real socket and on both stores."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from core.schema import generation_tasks, tracks
from ranking.supply.gap import replace_gaps
from tests.support.service_world import track_id
from tests.support.supply_api import FOUND_AT, Api, brief, gap

pytest_plugins = ["tests.support.postgres"]


def test_gaps_come_best_first_and_by_pages(api: Api) -> None:
    found = api.done("GET", "/gaps")
    assert found["found_at"] == FOUND_AT
    assert found["gaps"] == [gap(number).model_dump(mode="json") for number in range(3)]
    assert found["next_offset"] is None
    first = api.done("GET", "/gaps?limit=2")
    second = api.done("GET", f"/gaps?limit=2&offset={first['next_offset']}")
    assert first["gaps"] + second["gaps"] == found["gaps"]
    assert (first["next_offset"], second["next_offset"]) == (2, None)


def test_a_search_that_found_nothing_leaves_no_gap(api: Api) -> None:
    try:
        with api.database.write() as connection:
            replace_gaps(connection, [], FOUND_AT)
        assert api.done("GET", "/gaps") == {"gaps": [], "found_at": None, "next_offset": None}
    finally:
        with api.database.write() as connection:
            replace_gaps(connection, [gap(number) for number in range(3)], FOUND_AT)


def test_a_brief_is_added_once_shown_and_listed(api: Api) -> None:
    body = {"segment_id": "s-listed", "brief": brief(seconds=[20, 30])}
    added = api.done("POST", "/briefs", json=body, by="writer")
    assert api.done("POST", "/briefs", json=body) == added
    assert (added["status"], added["revision"], added["segment_id"]) == ("draft", 1, "s-listed")
    assert {name: added["brief"][name] for name in body["brief"]} == body["brief"]
    assert api.done("GET", f"/briefs/{added['brief_id']}") == added
    other = api.add("s-listed")
    api.done("POST", f"/briefs/{other['brief_id']}/approve")
    listed = api.done("GET", "/briefs?segment=s-listed")["briefs"]
    assert {one["brief_id"] for one in listed} == {added["brief_id"], other["brief_id"]}
    assert api.done("GET", "/briefs?segment=s-listed&status=draft")["briefs"] == [added]


def test_pages_of_a_list_make_the_list(api: Api) -> None:
    made = {api.add("s-paged")["brief_id"] for _ in range(5)}
    seen, offset = [], 0
    while offset is not None:
        page = api.done("GET", f"/briefs?segment=s-paged&limit=2&offset={offset}")
        seen += [one["brief_id"] for one in page["briefs"]]
        offset = page["next_offset"]
    assert (len(seen), set(seen)) == (5, made)


def test_an_edit_changes_what_it_names_and_nothing_else(api: Api) -> None:
    added = api.add(energy=0.5)
    path, edit = f"/briefs/{added['brief_id']}", {"tempo_bpm": None, "tags": ["wave", "night"]}
    edited = api.done("PATCH", path, json={"revision": 1, "brief": edit})
    assert edited["brief"] == {**added["brief"], **edit}
    assert edited["revision"] == 2
    assert api.done("PATCH", path, json={"revision": 1, "brief": edit}) == edited  # sent again
    stale = api.refused(409, "PATCH", path, json={"revision": 1, "brief": {"energy": 0.7}})
    assert "is at revision 2, you started from 1; show it again" in stale["detail"]
    early = api.refused(409, "PATCH", path, json={"revision": 3, "brief": {"energy": 0.7}})
    assert "is at revision 2, you started from 3" in early["detail"]
    assert api.done("GET", path) == edited


def test_an_approval_is_of_what_was_read_and_bears_the_keys_name(api: Api) -> None:
    path = f"/briefs/{api.add()['brief_id']}"
    api.done("PATCH", path, json={"revision": 1, "brief": {"count": 3}})
    api.refused(409, "POST", f"{path}/approve", json={"revision": 1})
    said = {"revision": 2, "note": " yes \n"}
    approved = api.done("POST", f"{path}/approve", json=said, by="bob")
    assert (approved["status"], approved["decided_by"], approved["note"]) == (
        "approved",
        "bob",
        "yes",
    )
    assert api.done("POST", f"{path}/approve", json=said) == approved  # bob said it first
    assert api.done("POST", f"{path}/approve") == approved
    again = api.done("PATCH", path, json={"revision": 3, "brief": {"count": 4}})
    assert again["status"] == "draft"
    api.refused(409, "POST", f"{path}/approve", json=said)


def test_a_rejection_is_final_and_takes_back_what_was_not_sent(api: Api) -> None:
    brief_id = api.add()["brief_id"]
    row = {
        "task_id": f"task-{brief_id}", "brief_id": brief_id, "number": 0, "generator": "synth",
        "status": "planned", "tracks": 1, "attempts": 0, "due_at": 1, "deadline_at": 9,
        "claimed_until": 0, "cost": 0.0, "created_at": 1, "updated_at": 1,
    }  # fmt: skip
    api.done("POST", f"/briefs/{brief_id}/approve")
    with api.database.write() as connection:
        connection.execute(sa.insert(generation_tasks).values(row))
    said = {"note": "no more of that"}
    api.refused(422, "POST", f"/briefs/{brief_id}/reject", json={"note": " "})
    rejected = api.done("POST", f"/briefs/{brief_id}/reject", json=said)
    assert (rejected["status"], rejected["decided_by"]) == ("rejected", "ada")
    assert api.done("POST", f"/briefs/{brief_id}/reject", json=said, by="bob") == rejected
    (task,) = api.done("GET", f"/tasks?brief={brief_id}")["tasks"]
    assert (task["status"], task["reason"]) == ("withdrawn", "the brief was rejected")
    told = api.refused(409, "POST", f"/briefs/{brief_id}/approve")
    assert "was rejected by ada and cannot be approved any more" in told["detail"]
    edit = {"revision": rejected["revision"], "brief": {"count": 2}}
    assert "is rejected" in api.refused(409, "PATCH", f"/briefs/{brief_id}", json=edit)["detail"]


def test_no_brief_names_a_creator(api: Api) -> None:
    for method, path, body in (
        ("POST", "/briefs", {"brief": brief(prompt="like CRÉATOR 7 sings")}),
        (
            "PATCH",
            f"/briefs/{api.add()['brief_id']}",
            {"revision": 1, "brief": {"title": "Creator 7"}},
        ),
    ):
        told = api.refused(422, method, path, json=body)
        assert told["errors"][0]["field"] == "brief"
        assert "names 'Creator 7'" in told["errors"][0]["message"]
        assert "say what the music is like instead" in told["detail"]


def test_orders_are_told_with_what_came_of_them(api: Api) -> None:
    found = api.done("GET", "/tasks?brief=ordered")["tasks"]
    assert [one["task_id"] for one in found] == ["ordered-1", "ordered-2", "ordered-0"]
    assert [one["delivered"] for one in found] == [[], [], [track_id(3)]]
    assert [one["status"] for one in found] == ["submitted", "planned", "delivered"]
    assert "claimed_by" not in found[0]
    assert api.done("GET", "/tasks?brief=nothing")["tasks"] == []


def test_the_budget_tells_what_is_left_today(api: Api) -> None:
    found = api.done("GET", "/budget")
    assert found["limit"] == {"tracks": 10, "cost": 5.0}
    with api.database.read() as connection:
        rows = connection.execute(sa.select(generation_tasks)).all()
    by_day = [(f"{datetime.fromtimestamp(row.created_at / 1000, UTC):%F}", row) for row in rows]
    day = [row for day, row in by_day if day == found["day"]]
    assert len(day) < len(rows)  # one was planned yesterday
    spent, cost = sum(row.tracks for row in day), sum(row.cost for row in day)
    assert found["spent"] == {"tracks": spent, "cost": cost}
    assert found["left"] == {"tracks": 10 - spent, "cost": 5.0 - cost}
    assert found["auto_approve"] is False


def test_verdicts_are_filtered_by_what_counts(api: Api) -> None:
    found = api.done("GET", "/verdicts?generator=folder&passed=false")["verdicts"]
    assert [one["track_id"] for one in found] == [track_id(11), track_id(9)]
    assert found[1]["reasons"] == [
        {"code": "too_short", "text": "it lasts 3 s, at least 15 s are due"}
    ]
    assert (found[1]["stands"], found[1]["measurements"]) == (False, {"seconds": 3.0, "key": None})


def _status(api: Api, track: str) -> str:
    with api.database.read() as connection:
        query = sa.select(tracks.c.status).where(tracks.c.track_id == track)
        return str(connection.execute(query).scalar_one())


def test_a_word_over_a_verdict_counts_and_the_track_follows(api: Api) -> None:
    path, said = f"/verdicts/{track_id(2)}/overrule", {"pass": False, "note": "dull"}
    told = api.done("POST", path, json=said)
    assert (told["passed"], told["stands"]) == (True, False)
    assert (told["overruling"]["by"], told["overruling"]["note"]) == ("ada", "dull")
    assert _status(api, track_id(2)) == "retired"
    assert api.done("POST", path, json=said, by="bob") == told  # ada's word stays ada's
    back = api.done("POST", path, json={"pass": True, "note": "not so dull"}, by="bob")
    assert (back["stands"], back["overruling"]["by"]) == (True, "bob")
    assert _status(api, track_id(2)) == "trial"


def test_a_word_that_changes_nothing_or_cannot_be_kept_is_refused(api: Api) -> None:
    same = api.refused(
        409, "POST", f"/verdicts/{track_id(4)}/overrule", json={"pass": True, "note": "x"}
    )
    assert "is passed already" in same["detail"]
    mute = api.refused(
        409, "POST", f"/verdicts/{track_id(11)}/overrule", json={"pass": True, "note": "art"}
    )
    assert "deliver the recording again" in mute["detail"]


def test_trials_are_told_the_oldest_first(api: Api) -> None:
    found = api.done("GET", "/trials?limit=2")["trials"]  # what people let pass came later
    assert [one["track_id"] for one in found] == [track_id(10), track_id(11)]
    assert found[0]["evidence"] == {"better": 0.5}
    (one,) = api.done("GET", "/trials?status=graduated")["trials"]
    assert one["track_id"] == track_id(11)


def test_a_switch_is_thrown_once_and_thrown_back(api: Api) -> None:
    stopped = api.done("POST", "/switches/mureka/stop", json={"reason": "too dear"})
    assert (stopped["stopped"], stopped["set_by"]) == (True, "ada")
    again = api.done("POST", "/switches/mureka/stop", json={"reason": "me too"}, by="bob")
    assert again == stopped
    assert stopped in api.done("GET", "/switches")["switches"]
    resumed = api.done("POST", "/switches/mureka/resume", json={"reason": "cheaper"}, by="bob")
    assert (resumed["stopped"], resumed["set_by"]) == (False, "bob")
    told = api.refused(404, "POST", "/switches/nobody/stop", json={"reason": "x"})
    assert "choose of all, synth, mureka, folder" in told["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/briefs/nothing", None),
        ("GET", "/briefs/a%2Fb", None),
        ("PATCH", "/briefs/nothing", {"revision": 1, "brief": {"count": 2}}),
        ("POST", "/briefs/nothing/approve", {}),
        ("POST", "/briefs/nothing/reject", {"note": "x"}),
        ("POST", "/verdicts/nothing/overrule", {"pass": True, "note": "x"}),
    ],
)
def test_an_id_that_nothing_bears_is_told_where_to_look(
    api: Api, method: str, path: str, body: Any
) -> None:
    answer = api.call(method, path, json=body)
    kind = path.split("/")[1].removesuffix("s")
    assert (answer.status_code, answer.json()["type"]) == (404, f"urn:segue:problem:unknown-{kind}")
    assert f"GET /v1/supply/{kind}s lists" in answer.json()["detail"]
