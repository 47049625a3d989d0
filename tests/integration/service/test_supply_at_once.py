"""Many decide at once: one word counts, and everyone is told the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.support.service_world import track_id
from tests.support.supply_api import Api

pytest_plugins = ["tests.support.postgres"]

CALLERS = ("ada", "bob", "ada", "bob", "ada", "bob")


def _at_once(api: Api, calls: list[tuple[str, str, str, Any]]) -> list[httpx.Response]:
    """Send calls (caller, method, path, body), each over a connection of its own."""

    def send(call: tuple[str, str, str, Any]) -> httpx.Response:
        by, method, path, body = call
        return api.call(method, path, by=by, json=body)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(send, calls))


def _all_alike(answers: list[httpx.Response], of: Callable[[Any], Any]) -> Any:
    assert {answer.status_code for answer in answers} == {200}
    told = [of(answer.json()) for answer in answers]
    assert all(one == told[0] for one in told)
    return told[0]


def test_nobody_approves_what_they_did_not_read(api: Api) -> None:
    for turn in range(4):
        added = api.add()
        path = f"/briefs/{added['brief_id']}"
        calls: list[tuple[str, str, str, Any]] = []
        for number, by in enumerate(CALLERS):
            edit = {"revision": 1, "brief": {"count": 10 + number}}
            calls.append((by, "PATCH", path, edit))
            calls.append((by, "POST", f"{path}/approve", {"revision": 1}))
        calls = calls[:: 1 if turn % 2 else -1]  # now an edit is sent first, now an approval
        told = list(zip(calls, _at_once(api, calls), strict=True))
        approvals = [answer.status_code for call, answer in told if call[1] == "POST"]
        edits = [answer.status_code for call, answer in told if call[1] == "PATCH"]
        now = api.done("GET", path)
        assert now["revision"] == 2
        if now["status"] == "approved":
            assert now["brief"] == added["brief"]
            assert (set(approvals), set(edits)) == ({200}, {409})
        else:
            assert now["brief"]["count"] >= 10
            assert (set(approvals), edits.count(200)) == ({409}, 1)


def test_of_two_edits_at_once_one_gets_through(api: Api) -> None:
    path = f"/briefs/{api.add()['brief_id']}"
    edits = [
        (by, "PATCH", path, {"revision": 1, "brief": {"count": 10 + number}})
        for number, by in enumerate(CALLERS)
    ]
    answers = _at_once(api, edits)
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert [answer.status_code for answer in answers].count(409) == len(CALLERS) - 1
    assert api.done("GET", path) == won


def test_a_brief_added_at_once_is_one(api: Api) -> None:
    body = {"segment_id": "s-once", "brief": api.add()["brief"]}
    answers = _at_once(api, [(by, "POST", "/briefs", body) for by in CALLERS])
    brief_id = _all_alike(answers, lambda told: told["brief_id"])
    listed = api.done("GET", "/briefs?segment=s-once")["briefs"]
    assert [one["brief_id"] for one in listed] == [brief_id]


def test_a_stop_is_the_first_ones(api: Api) -> None:
    stops = [(by, "POST", "/switches/folder/stop", {"reason": by}) for by in CALLERS]
    told = _all_alike(_at_once(api, stops), lambda told: told)
    assert told in api.done("GET", "/switches")["switches"]
    assert told["reason"] == told["set_by"]


def test_a_word_over_a_verdict_is_the_first_ones(api: Api) -> None:
    path = f"/verdicts/{track_id(6)}/overrule"
    words = [(by, "POST", path, {"pass": False, "note": by}) for by in CALLERS]
    told = _all_alike(_at_once(api, words), lambda told: told["overruling"])
    assert told["note"] == told["by"]
