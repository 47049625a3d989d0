"""What does not fit is told by its field, whatever was sent; nothing brings the service down."""

from __future__ import annotations

from typing import Any

import pytest

from service.access import MAX_BODY_BYTES
from tests.support.supply_api import Api, brief

pytest_plugins = ["tests.support.postgres"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/briefs?status=lost", "status"),
        ("/briefs?segement=s1", "segement"),
        ("/briefs?segment=a%00b", "segment"),
        ("/gaps?limit=0", "limit"),
        ("/gaps?limit=201", "limit"),
        ("/tasks?offset=-1", "offset"),
        ("/tasks?offset=1000001", "offset"),
        ("/verdicts?passed=perhaps", "passed"),
        ("/trials?status=lost", "status"),
        (f"/tasks?brief={'x' * 129}", "brief"),
    ],
)
def test_a_wrong_parameter_is_named(api: Api, path: str, field: str) -> None:
    (fault,) = api.refused(422, "GET", path)["errors"]
    assert fault["field"] == field
    assert fault["message"]


def test_a_name_that_is_no_parameter_is_refused_with_what_to_do(api: Api) -> None:
    told = api.refused(422, "GET", "/briefs?segement=s1")
    assert told["detail"] == ("segement: there is no such field; correct its name or leave it out")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tempo_bpm": 500}, "brief.tempo_bpm"),
        ({"key": "H minor"}, "brief.key"),
        ({"prompt": "x" * 1025}, "brief.prompt"),
        ({"prompt": None}, "brief.prompt"),
        ({"title": "a\x00b"}, "brief.title"),
        ({"tags": ["a\x00b"]}, "brief.tags.0"),
        ({"mood": "x"}, "brief.mood"),
        ({"seconds": [30, 20]}, "brief"),
        ({"seconds": [20, 1e9]}, "brief"),
        ({"deadline_ms": 10**30}, "brief.deadline_ms"),
    ],
)
def test_a_wrong_field_of_a_brief_is_named_when_added_and_when_edited(
    api: Api, changes: dict[str, Any], field: str
) -> None:
    edited = f"/briefs/{api.add()['brief_id']}"
    for method, path, body in (
        ("POST", "/briefs", {"brief": brief(**changes)}),
        ("PATCH", edited, {"revision": 1, "brief": changes}),
    ):
        (fault,) = api.refused(422, method, path, json=body)["errors"]
        assert fault["field"] == field
        assert fault["message"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"\\ud800"', "[[[]]]"])
@pytest.mark.parametrize("name", ["cost_limit", "energy", "prompt", "seconds"])
def test_numbers_and_texts_that_no_store_keeps_are_refused(api: Api, name: str, value: str) -> None:
    path = f"/briefs/{api.add()['brief_id']}"
    body = f'{{"revision": 1, "brief": {{"{name}": {value}}}}}'
    told = api.refused(
        422, "PATCH", path, content=body, headers={"content-type": "application/json"}
    )
    assert told["errors"][0]["field"].startswith("brief")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/briefs", {}, "brief"),
        ("/briefs", {"brief": brief(), "who": "me"}, "who"),
        ("/briefs", {"brief": brief(), "segment_id": "a\nb"}, "segment_id"),
        ("/briefs/x/approve", {"decided_by": "somebody else"}, "decided_by"),
        ("/briefs/x/approve", {"note": "a\x00b"}, "note"),
        ("/briefs/x/approve", {"revision": 0}, "revision"),
        ("/briefs/x/reject", {}, "note"),
        ("/briefs/x/reject", {"note": "x" * 2001}, "note"),
        ("/verdicts/x/overrule", {"note": "x"}, "pass"),
        ("/verdicts/x/overrule", {"pass": 1, "note": "x"}, "pass"),
        ("/verdicts/x/overrule", {"pass": True, "note": " \n"}, "note"),
        ("/switches/all/stop", {}, "reason"),
        ("/switches/all/resume", {"reason": ""}, "reason"),
    ],
)
def test_a_wrong_body_is_named(api: Api, path: str, body: Any, field: str) -> None:
    faults = api.refused(422, "POST", path, json=body)["errors"]
    assert [fault["field"] for fault in faults] == [field]
    assert faults[0]["message"]


def test_an_edit_says_what_changes(api: Api) -> None:
    path = f"/briefs/{api.add()['brief_id']}"
    for body, field in (
        ({"brief": {"count": 2}}, "revision"),
        ({"revision": 1}, "brief"),
        ({"revision": 1, "brief": {}}, "brief"),
        ({"revision": 1, "brief": []}, "brief"),
    ):
        (fault,) = api.refused(422, "PATCH", path, json=body)["errors"]
        assert fault["field"] == field


@pytest.mark.parametrize("body", [b"{", b"[1,", b"\xff", b'{"note": ' + b"9" * 5_000 + b"}"])
def test_what_is_no_json_is_a_bad_request(api: Api, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    api.refused(400, "POST", "/briefs", content=body, headers=headers)


def test_a_form_is_told_to_be_json(api: Api) -> None:
    told = api.refused(422, "POST", "/switches/all/stop", data={"reason": "x"})
    assert told["detail"].endswith("send it as content-type application/json")


def test_a_body_beyond_its_limit_is_refused(api: Api) -> None:
    headers = {"content-type": "application/json"}
    for length, status in ((MAX_BODY_BYTES, 400), (MAX_BODY_BYTES + 1, 413)):
        api.refused(status, "POST", "/briefs", content=b"{" + b" " * (length - 1), headers=headers)
