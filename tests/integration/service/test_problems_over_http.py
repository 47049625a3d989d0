"""Whatever goes wrong is told in one shape."""

from __future__ import annotations

from typing import Any

import pytest

from service.middleware import MAX_BODY_BYTES
from tests.support.service_world import Service


def problem(service: Service, method: str, path: str, **more: Any) -> dict[str, Any]:
    """Return the problem an ill-formed request is answered with."""
    answer = service.client.request(method, path, **more)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code
    assert {"type", "title", "status", "detail", "instance"} <= set(found)
    assert found["type"].startswith("urn:segue:problem:")
    assert found["instance"] == path.partition("?")[0]
    return found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "user_id"),
        ("?user_id=", "user_id"),
        (f"?user_id={'u' * 129}", "user_id"),
        ("?user_id=a%00b", "user_id"),
        ("?user_id=u&size=0", "size"),
        ("?user_id=u&size=101", "size"),
        ("?user_id=u&size=ten", "size"),
        ("?user_id=u&surface=Home%20page", "surface"),
    ],
)
def test_a_wrong_parameter_is_named(service: Service, query: str, field: str) -> None:
    found = problem(service, "GET", f"/v1/feed{query}")
    assert found["status"] == 422
    assert [fault["field"] for fault in found["errors"]] == [field]
    assert found["errors"][0]["message"]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/events"), ("PUT", "/v1/users/u/preferences")]
)
def test_malformed_json_is_a_bad_request(service: Service, method: str, path: str) -> None:
    found = problem(service, method, path, content=b'{"events": [')
    assert (found["status"], found["type"]) == (400, "urn:segue:problem:malformed-json")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/events"), ("PUT", "/v1/users/u/preferences")]
)
def test_an_oversized_body_is_refused(service: Service, method: str, path: str) -> None:
    found = problem(service, method, path, content=b" " * (MAX_BODY_BYTES + 1))
    assert found["status"] == 413


def test_too_many_events_are_refused_together(service: Service) -> None:
    assert problem(service, "POST", "/v1/events", json=[{}] * 501)["status"] == 422


@pytest.mark.parametrize("path", ["/v1/tracks/x", "/v1/tracks/x/audio", "/v1/tracks/x/similar"])
def test_an_unknown_track_is_not_found(service: Service, path: str) -> None:
    found = problem(service, "GET", path)
    assert (found["status"], found["type"]) == (404, "urn:segue:problem:unknown-track")


def test_an_unknown_path_is_not_found(service: Service) -> None:
    assert problem(service, "GET", "/v1/nothing")["status"] == 404


def test_a_wrong_method_is_told(service: Service) -> None:
    assert problem(service, "DELETE", "/v1/feed")["status"] == 405


def test_a_wrong_preference_is_named(service: Service) -> None:
    found = problem(service, "PUT", "/v1/users/u/preferences", json={"ai": "never"})
    assert (found["status"], found["errors"][0]["field"]) == (422, "ai")


def test_the_description_tells_of_problems(service: Service) -> None:
    document = service.client.get("/openapi.json").json()
    assert {
        *("/v1/feed", "/v1/events", "/v1/tracks/{track_id}", "/v1/tracks/{track_id}/audio"),
        *("/v1/tracks/{track_id}/similar", "/v1/users/{user_id}/preferences"),
        *("/healthz", "/readyz", "/metrics"),
    } <= set(document["paths"])
    feed = document["paths"]["/v1/feed"]["get"]["responses"]
    assert set(feed["422"]["content"]) == {"application/problem+json"}
    assert {"Problem", "EventBatch", "Interaction", "Action"} <= set(
        document["components"]["schemas"]
    )
