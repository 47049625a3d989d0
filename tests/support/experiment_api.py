"""A running service with keys, over a store of experiments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from core.database import Database, open_database
from core.keys import create_key
from tests.support.experiments import document
from tests.support.service_world import SETTINGS, Service, lay_world, running_service

SCOPES = ("experiments:read", "experiments:write")
HOLDOUT = "[experiments]\nholdout = 0.1\nknown_days = 7\n"
"""`known_days` is no key of the service's: what the jobs read besides does not concern it."""


class Api(NamedTuple):
    """The service as product teams call it.

    Args:
        service: The process.
        database: Its store, opened beside it.
        keys: Name → key; `ada` and `bob` may do everything, `reader` and `writer` half of it, and
            `other` something else.
    """

    service: Service
    database: Database
    keys: dict[str, str]

    def call(self, method: str, path: str, *, by: str = "ada", **more: Any) -> httpx.Response:
        """Call a path below `/v1/experiments` with somebody's key, or without one for ""."""
        headers = {"authorization": f"Bearer {self.keys[by]}"} if by else {}
        headers |= more.pop("headers", {})
        url = f"/v1/experiments{path}"
        return self.service.client.request(method, url, headers=headers, **more)

    def done(self, method: str, path: str, **more: Any) -> Any:
        """Return the JSON of a call that succeeds."""
        answer = self.call(method, path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, status: int, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Return the problem of a call that is refused."""
        answer = self.call(method, path, **more)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = answer.json()
        told = f"/v1/experiments{path}".split("?")[0]
        assert (found["status"], found["instance"]) == (status, told)
        return found

    def add(self, key: str, **changes: Any) -> dict[str, Any]:
        """Lay down a draft."""
        body = {"spec": document(key, **changes)}
        found: dict[str, Any] = self.done("POST", "", json=body)
        return found

    def start(self, key: str, **changes: Any) -> dict[str, Any]:
        """Lay down a draft and let listeners in."""
        self.add(key, **changes)
        found: dict[str, Any] = self.done("POST", f"/{key}/start", json={"why": "go"})
        return found


@contextmanager
def running_api(root: Path, store_url: str = "") -> Iterator[Api]:
    """Run a service over a small world for the length of the block."""
    data = root / "data"
    lay_world(data, 12, store_url)
    database = open_database(store_url or f"sqlite:///{data / 'segue.db'}")
    try:
        wanted = {"ada": SCOPES, "bob": SCOPES, "reader": SCOPES[:1], "writer": SCOPES[1:]}
        wanted["other"] = ("supply:read", "supply:write")
        keys = {name: create_key(database, name, scopes, 1).text for name, scopes in wanted.items()}
        settings = f'{SETTINGS}{HOLDOUT}[store]\nurl = "{store_url}"\n'
        with running_service(data, settings=settings) as service:
            yield Api(service, database, keys)
    finally:
        database.close()
