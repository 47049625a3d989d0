"""Experiments as product teams write, start and end them over a real socket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ranking.experiments.lifecycle.results import keep_results
from tests.support.experiment_api import Api
from tests.support.experiments import document

BIG = '{"a":' * 60_000 + "1" + "}" * 60_000


def test_the_whole_life(api: Api) -> None:
    spec = document("life", hypothesis="less is more", coverage=0.4)
    made = api.done("POST", "", json={"spec": spec, "why": "try"}, by="writer")
    assert (made["status"], made["revision"], made["started_at"]) == ("draft", 1, None)
    assert {name: made["spec"][name] for name in ("key", "hypothesis", "coverage")} == {
        name: spec[name] for name in ("key", "hypothesis", "coverage")
    }
    assert api.done("POST", "", json={"spec": spec}) == made
    assert api.done("GET", "/life", by="reader") == made
    edit = {"revision": 1, "spec": {**made["spec"], "coverage": 0.5}, "why": "more"}
    edited = api.done("PUT", "/life", json=edit)
    assert (edited["revision"], edited["spec"]["coverage"]) == (2, 0.5)
    assert api.done("PUT", "/life", json=edit) == edited  # sent again
    started = api.done("POST", "/life/start", json={"why": " go ", "revision": 2}, by="bob")
    assert (started["status"], started["revision"]) == ("running", 3)
    assert started["sdk"]["filters"] == [
        {"seed": "holdout", "ranges": [[0.1, 1.0]], "attribute": "user_id", "hashVersion": 2}
    ]
    wider = {"revision": 3, "spec": {**made["spec"], "coverage": 1.0}}
    assert api.done("PUT", "/life", json=wider)["status"] == "running"
    stopped = api.done("POST", "/life/stop", json={"why": "seen enough"})
    assert stopped["stopped_at"] >= stopped["started_at"] >= stopped["created_at"] > 0
    assert api.done("POST", "/life/stop", json={"why": "again"}, by="bob") == stopped
    assert api.done("POST", "/life/archive")["status"] == "archived"
    told = api.done("GET", "/life/history")["changes"]
    assert [(one["revision"], one["action"], one["who"], one["why"]) for one in told] == [
        (1, "created", "writer", "try"),
        (2, "edited", "ada", "more"),
        (3, "started", "bob", "go"),
        (4, "widened", "ada", ""),
        (5, "stopped", "ada", "seen enough"),
        (6, "archived", "ada", ""),
    ]
    assert [one["spec"]["coverage"] for one in told] == [0.4, 0.5, 0.5, 1.0, 1.0, 1.0]
    page = api.done("GET", "/life/history?limit=2&offset=2")
    assert (page["changes"], page["next_offset"]) == (told[2:4], 4)


def test_results_are_those_of_the_newest_analysis(api: Api) -> None:
    api.add("judged")
    told = api.refused(404, "GET", "/judged/results", by="reader")
    assert told["type"] == "urn:segue:problem:unknown-results"
    assert "segue experiment analyze judged" in told["detail"]
    said = {"decisions": [{"variation": "none", "line": "hold"}], "p_value": None}
    for document_, at in (({"old": 1}, 5), (said, 7)):
        with api.database.write() as connection:
            keep_results(connection, "judged", document_, at)
    found = api.done("GET", "/judged/results", by="reader")
    assert found == {"key": "judged", "analysed_at": 7, "results": said}
    told = api.refused(404, "GET", "/nowhere/results")
    assert told["type"] == "urn:segue:problem:unknown-experiment"


def test_lists_are_searched_and_cut(api: Api) -> None:
    for number in range(3):
        api.add(f"listed-{number}", layer="listed")
    found = api.done("GET", "?layer=listed&status=draft")
    assert {one["key"] for one in found["experiments"]} == {f"listed-{n}" for n in range(3)}
    assert (found["next_offset"], found["experiments"][0]["variations"]) == (
        None,
        ["control", "none"],
    )
    first = api.done("GET", "?layer=listed&limit=2")
    second = api.done("GET", f"?layer=listed&limit=2&offset={first['next_offset']}")
    assert first["experiments"] + second["experiments"] == found["experiments"]
    api.refused(422, "GET", "?status=over")
    api.refused(422, "GET", "?statuss=draft")


def test_what_does_not_fit_what_stands_there_is_a_conflict(api: Api) -> None:
    made = api.add("conflict")
    other = {**made["spec"], "coverage": 0.3}
    told = api.refused(409, "POST", "", json={"spec": other})
    assert "another experiment is called 'conflict' and is draft" in told["detail"]
    api.done("PUT", "/conflict", json={"revision": 1, "spec": other})
    stale = {"revision": 1, "spec": {**other, "coverage": 0.2}}
    told = api.refused(409, "PUT", "/conflict", json=stale)
    assert "is at revision 2, you started from 1" in told["detail"]
    api.refused(409, "POST", "/conflict/start", json={"why": "go", "revision": 1})
    assert (
        "start it first" in api.refused(409, "POST", "/conflict/stop", json={"why": "no"})["detail"]
    )
    assert api.done("GET", "/conflict")["revision"] == 2


def test_a_start_is_refused_with_everything_in_the_way(api: Api) -> None:
    api.add(
        "faulty",
        plan=None,
        metrics={"primary": "joy"},
        variations=[
            {"key": "control"},
            {"key": "b", "feed": {"page": {"frsh": 1}}, "artifacts": {"index": "none"}},
        ],
    )
    told = api.refused(422, "POST", "/faulty/start", json={"why": "go"})
    assert told["type"] == "urn:segue:problem:experiment-refused"
    said = [fault["message"].split(":")[0] for fault in told["errors"]]
    assert said == ["metrics", "plan", "feed", "artifacts"]
    assert "'joy' is unknown; choose of creator_concentration, " in told["detail"]
    assert api.done("GET", "/faulty")["status"] == "draft"


def test_what_runs_only_grows(api: Api) -> None:
    started = api.start("grows", coverage=0.5)
    less = {"revision": 2, "spec": {**started["spec"], "coverage": 0.4}}
    told = api.refused(422, "PUT", "/grows", json=less)
    assert "variation 0 loses [0.2, 0.25)" in told["detail"]
    api.done("POST", "/grows/stop", json={"why": "done"})


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"key": "a b"}, "spec.key"),
        ({"key": "features"}, "spec.key"),
        ({"hash_attribute": "a.b"}, "spec.hash_attribute"),
        ({"coverage": 1.5}, "spec.coverage"),
        ({"ranges": [[0.5, 0.5]]}, "spec.ranges.0"),
        ({"ranges": []}, "spec.ranges"),
        ({"condition": {"$or": 3}}, "spec.condition"),
        ({"condition": {"a": 10**400}}, "spec.condition"),
        ({"variations": []}, "spec.variations"),
        ({"variations": [{"key": "control", "feeds": {}}]}, "spec.variations.0.feeds"),
        ({"plan": {"days": 0, "smallest_effect": 0.1}}, "spec.plan.days"),
        ({"metric": {}}, "spec.metric"),
    ],
)
def test_a_spec_that_cannot_be_is_refused_by_field(
    api: Api, spec: dict[str, Any], field: str
) -> None:
    told = api.refused(422, "POST", "", json={"spec": document("x") | spec})
    assert [fault["field"] for fault in told["errors"]] == [field]


def test_text_that_is_no_unicode_and_nests_without_end_is_refused(api: Api) -> None:
    headers = {"content-type": "application/json"}
    body = '{"spec": {"key": "x", "variations": [{"key": "a"}], "condition": {"a": "\\ud83d"}}}'
    told = api.refused(422, "POST", "", content=body, headers=headers)
    assert "is no Unicode" in told["detail"]
    deep = '{"spec": {"key": "x", "variations": [{"key": "a", "feed": %s}]}}'
    nested = deep % ('{"a":' * 40 + "1" + "}" * 40)
    told = api.refused(422, "POST", "", content=nested, headers=headers)
    assert "nested more than 16 levels" in told["detail"]
    assert api.call("POST", "", content=deep % BIG, headers=headers).status_code in (400, 413)
    nan = '{"spec": {"key": "x", "variations": [{"key": "a"}], "coverage": NaN}}'
    api.refused(422, "POST", "", content=nan, headers=headers)


def test_nobody_says_nothing_and_nothing_is_done_to_what_there_is_not(api: Api) -> None:
    api.add("silent")
    api.refused(422, "POST", "/silent/start", json={"why": "  "})
    api.refused(422, "POST", "/silent/start", json={})
    renamed = {"revision": 1, "spec": document("other")}
    assert "spec.key" in api.refused(422, "PUT", "/silent", json=renamed)["detail"]
    for method, path, body in (
        ("GET", "/nothing", None),
        ("GET", "/nothing/history", None),
        ("PUT", "/nothing", {"revision": 1, "spec": document("nothing")}),
        ("POST", "/nothing/start", {"why": "go"}),
        ("POST", "/nothing/stop", {"why": "go"}),
        ("POST", "/nothing/archive", None),
    ):
        told = api.refused(404, method, path, json=body)
        assert told["type"] == "urn:segue:problem:unknown-experiment"
        assert told["detail"].endswith("GET /v1/experiments lists those there are")


def test_keys_are_for_what_they_are_for(api: Api) -> None:
    api.refused(401, "GET", "", by="")
    for method, path, by in (
        ("GET", "", "writer"),
        ("GET", "/features", "writer"),
        ("GET", "/features", "other"),
        ("POST", "", "reader"),
        ("POST", "/any/stop", "reader"),
        ("PUT", "/any", "other"),
    ):
        assert "this needs experiments:" in api.refused(403, method, path, by=by)["detail"]


def test_of_many_edits_at_once_one_gets_through(api: Api) -> None:
    made = api.add("raced")

    def send(number: int) -> int:
        spec = {**made["spec"], "coverage": number / 100}
        by = "ada" if number % 2 else "bob"
        body = {"revision": 1, "spec": spec}
        return api.call("PUT", "/raced", json=body, by=by).status_code

    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(send, range(1, 13)))
    assert sorted(told) == [200] + [409] * 11
    now = api.done("GET", "/raced")
    assert (now["revision"], now["spec"]["coverage"]) == (2, (told.index(200) + 1) / 100)


def test_the_description_is_whole(api: Api) -> None:
    found = api.service.client.get("/openapi.json").json()
    paths = {path: set(found["paths"][path]) for path in found["paths"] if "experiments" in path}
    assert paths == {
        "/v1/experiments": {"get", "post"},
        "/v1/experiments/features": {"get"},
        "/v1/experiments/{key}": {"get", "put"},
        "/v1/experiments/{key}/history": {"get"},
        "/v1/experiments/{key}/results": {"get"},
        "/v1/experiments/{key}/start": {"post"},
        "/v1/experiments/{key}/stop": {"post"},
        "/v1/experiments/{key}/archive": {"post"},
    }
    for path, methods in paths.items():
        for method in methods:
            told = found["paths"][path][method]
            assert told["security"] == [{"key": []}]
            assert {"200", "401", "403", "422", "503"} <= set(told["responses"])
            assert "$ref" in told["responses"]["200"]["content"]["application/json"]["schema"]
