"""A running service with keys, and with every table of the supply loop filled."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import sqlalchemy as sa

from core.database import Database, open_database
from core.keys import create_key
from core.schema import deliveries, generation_tasks, trials, verdicts
from ranking.supply.gap import Estimate, Gap, Spread, replace_gaps
from tests.support.service_world import SETTINGS, Service, lay_world, now, running_service, track_id

SCOPES = ("supply:read", "supply:write")
FOUND_AT = 1_767_225_600_000
BUDGET = '[supply.budget]\ntracks_per_day = 10\ncost_per_day = 5.0\n[supply.synth]\nworkers = "x"\n'
"""What the jobs would refuse in their own part does not concern the service."""
_NUMBERS = itertools.count()


class Api(NamedTuple):
    """The service as product teams call it.

    Args:
        service: The process.
        database: Its store, opened beside it.
        keys: Name → key; `ada` and `bob` may do everything, `reader` and `writer` half of it.
    """

    service: Service
    database: Database
    keys: dict[str, str]

    def call(self, method: str, path: str, *, by: str = "ada", **more: Any) -> httpx.Response:
        """Call a path below `/v1/supply` with somebody's key, or without one for ""."""
        headers = {"authorization": f"Bearer {self.keys[by]}"} if by else {}
        headers |= more.pop("headers", {})
        return self.service.client.request(method, f"/v1/supply{path}", headers=headers, **more)

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
        assert (found["status"], found["instance"]) == (status, f"/v1/supply{path}".split("?")[0])
        return found

    def add(self, segment: str = "s1", **changes: Any) -> dict[str, Any]:
        """Lay a brief on the desk that is like no other."""
        body = {"segment_id": segment, "brief": brief(**changes)}
        found: dict[str, Any] = self.done("POST", "/briefs", json=body)
        return found


def brief(**changes: Any) -> dict[str, Any]:
    """Return the document of a brief that is like no other."""
    plain = {
        "title": f"Night drive {next(_NUMBERS)}", "prompt": "slow synthwave",
        "tags": ["synthwave"], "tempo_bpm": 100.0, "deadline_ms": 4_000_000_000_000,
    }  # fmt: skip
    return plain | changes


def gap(number: int) -> Gap:
    """Return a gap."""
    few = Estimate(mean=9.0, low=8.0, high=10.0)
    return Gap(
        segment=f"s{number}", label=f"segment {number}", words=("night",), listeners=10 - number,
        unheard_good=1.5, days_until_dry=Spread(p10=1, p50=2, p90=3), expected_listens_lost=few,
        lost_share=few, gained_per_track=few, confidence=0.9, evidence="enough", tracks=4,
        missing_tracks=3.0, plays_a_day=20.0, repeat_share=0.5, skip_rates=(0.1, None),
        loved=("t001",), exhausted=("t002",),
    )  # fmt: skip


@contextmanager
def running_api(root: Path, store_url: str = "") -> Iterator[Api]:
    """Run a service over a small world and a filled store for the length of the block."""
    data = root / "data"
    lay_world(data, 12, store_url)
    url = store_url or f"sqlite:///{data / 'segue.db'}"
    database = open_database(url)
    try:
        _fill(database)
        wanted = {"ada": SCOPES, "bob": SCOPES, "reader": SCOPES[:1], "writer": SCOPES[1:]}
        keys = {name: create_key(database, name, scopes, 1).text for name, scopes in wanted.items()}
        settings = f'{SETTINGS}{BUDGET}[store]\nurl = "{store_url}"\n'
        with running_service(data, settings=settings) as service:
            yield Api(service, database, keys)
    finally:
        database.close()


def _fill(database: Database) -> None:
    at = now()
    with database.write() as connection:
        replace_gaps(connection, [gap(number) for number in range(3)], FOUND_AT)
        orders = [_order(number, at) for number in range(3)]
        connection.execute(sa.insert(generation_tasks), orders)
        came = {"task_id": "ordered-0", "number": 0, "track_id": track_id(3), "received_at": at}
        connection.execute(sa.insert(deliveries), [{**came, "content_hash": "x"}])
        judged = [_verdict(number, passed=number % 2 == 0) for number in range(12)]
        connection.execute(sa.insert(verdicts), judged)
        connection.execute(sa.insert(trials), [_trial(number) for number in range(2)])


def _order(number: int, at: int) -> dict[str, Any]:
    return {
        "task_id": f"ordered-{number}", "brief_id": "ordered", "number": number,
        "generator": "synth", "status": ("delivered", "submitted", "planned")[number], "tracks": 1,
        "external_id": None, "attempts": number, "due_at": at, "deadline_at": at + 9,
        "claimed_by": None, "claimed_until": 0, "cost": 0.5, "reason": None,
        "created_at": at if number else at - 86_400_000, "updated_at": at,
    }  # fmt: skip


def _verdict(number: int, *, passed: bool) -> dict[str, Any]:
    code = "unreadable" if number == 11 else "too_short"
    fault = {"code": code, "text": "it lasts 3 s, at least 15 s are due"}
    return {
        "track_id": track_id(number), "brief_id": "ordered",
        "generator": "synth" if number < 8 else "folder", "passed": passed,
        "reasons": [] if passed else [fault],
        "measurements": {"seconds": 3.0, "key": None}, "judged_at": 1_000 + number,
    }  # fmt: skip


def _trial(number: int) -> dict[str, Any]:
    return {
        "track_id": track_id(10 + number), "segment_id": "s1",
        "status": ("open", "graduated")[number], "prior_finishes": 2.0, "prior_skips": 3.0,
        "budget": 60, "impressions": 5, "finishes": 2,
        "evidence": {"better": 0.5}, "reason": None, "opened_at": 5 + number, "decided_at": None,
    }  # fmt: skip
