"""No route of product teams answers whoever has no key, or one for something else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from core.keys import create_key, revoke_key
from tests.support.supply_api import Api

pytest_plugins = ["tests.support.postgres"]

OPEN = ("/v1/feed", "/v1/events", "/v1/tracks", "/v1/users", "/healthz", "/readyz", "/metrics")


def _keyed(api: Api) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (method, path) → operation of all that is not open to everyone."""
    paths = api.service.client.get("/openapi.json").json()["paths"]
    return {
        (method.upper(), path): operation
        for path, operations in paths.items()
        for method, operation in operations.items()
        if not path.startswith(OPEN)
    }


def test_every_route_refuses_without_a_key_and_says_so_in_its_description(api: Api) -> None:
    keyed = _keyed(api)
    assert len(keyed) == 25  # 15 of the supply loop, 10 of experiments
    for (method, path), operation in keyed.items():
        assert operation["security"] == [{"key": []}], path
        assert {"401", "403"} <= set(operation["responses"]), path
        answer = api.service.client.request(method, path, content=b"{no json")
        assert answer.status_code == 401, (method, path)  # before anything is read
        assert answer.headers["www-authenticate"] == 'Bearer realm="segue"'
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:segue:problem:key-missing"
        assert "segue keys create" in answer.json()["detail"]


def test_every_route_refuses_a_key_for_something_else(api: Api) -> None:
    for method, path in _keyed(api):
        wrong, needed = ("writer", "read") if method == "GET" else ("reader", "write")
        headers = {"authorization": f"Bearer {api.keys[wrong]}"}
        answer = api.service.client.request(method, path, headers=headers, content=b"{no json")
        assert answer.status_code == 403, (method, path)
        assert answer.json()["type"] == "urn:segue:problem:scope-missing"
        assert f"'{wrong}'" in answer.json()["detail"]
        challenge = answer.headers["www-authenticate"]
        assert f'error="insufficient_scope", scope="{path.split("/")[2]}:{needed}"' in challenge


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Basic {key}", "{key}", "Bearer {key}x", "Bearer {key} {key}",
        "Bearer segue_000000000000_" + "A" * 43, "Bearer " + "x" * 10_000, "Bearer \xff\xfe",
        "Bearer {upper}",
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused_and_not_repeated(api: Api, header: str) -> None:
    key = api.keys["ada"]
    sent = header.format(key=key, upper=key.upper())
    answer = api.service.client.get(
        "/v1/supply/budget", headers=[(b"authorization", sent.encode("latin-1"))]
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert key.split("_", 2)[2] not in answer.text


def test_the_scheme_is_read_in_any_case(api: Api) -> None:
    headers = {"authorization": f"bEARER  {api.keys['ada']}"}
    assert api.service.client.get("/v1/supply/budget", headers=headers).status_code == 200


def test_a_key_in_the_query_opens_nothing(api: Api) -> None:
    answer = api.service.client.get("/v1/supply/budget", params={"access_token": api.keys["ada"]})
    assert answer.status_code == 401


def test_a_revoked_key_is_refused_from_the_next_request_on(api: Api) -> None:
    minted = create_key(api.database, "passing", ("supply:read",), 1)
    api.keys["passing"] = minted.text
    api.done("GET", "/budget", by="passing")
    revoke_key(api.database, minted.key.key_id, 2)
    told = api.refused(401, "GET", "/budget", by="passing")
    assert told["type"] == "urn:segue:problem:key-unknown"


def test_listeners_need_no_key_and_a_key_does_not_harm_them(api: Api) -> None:
    client: httpx.Client = api.service.client
    for headers in ({}, {"authorization": "Bearer nothing"}):
        assert client.get("/v1/feed?user_id=u", headers=headers).status_code == 200
        assert client.get("/v1/users/u/preferences", headers=headers).status_code == 200


def test_no_log_holds_a_key(api: Api) -> None:
    added = api.add()
    api.call("POST", "/briefs/nothing/approve")
    api.call("GET", "/budget", by="", headers={"authorization": f"Bearer {api.keys['bob']}x"})
    log = api.service.log.read_text()
    assert "change_was_called_for" in log  # it does log what was done, and by whom
    assert "ada" in log
    assert added["brief_id"]
    for text in api.keys.values():
        assert text.split("_", 2)[2] not in log
        assert text.split("_", 2)[2] not in api.service.client.get("/metrics").text
