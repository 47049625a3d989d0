"""An app that asks for pages and tells what its listeners did, over and over, in a thread."""

from __future__ import annotations

import threading
from typing import Any, Self

import httpx

from tests.support.service_world import event, wait_until

MAX_ROUNDS = 4_000
PAUSE_S = 0.05  # leaves the cores to the jobs that run beside it
PAGES_A_LISTENER = 3  # one who heard everything would get short pages
REPEAT_EVERY = 10
SIZE = 10


class BusyClient:
    """Asks and tells from `with` to its end; whatever goes wrong is kept in `faults`.

    Args:
        url: Where the service listens.
    """

    def __init__(self, url: str) -> None:
        self.pages: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self._url = url
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="busy-client")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def go_on(self, rounds: int = 10) -> None:
        """Wait until so many more rounds were made."""
        goal = len(self.pages) + rounds
        wait_until(lambda: len(self.pages) >= goal or not self._thread.is_alive(), 60)
        assert len(self.pages) >= goal, self.faults or f"it ended after {MAX_ROUNDS} rounds"

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            for number in range(MAX_ROUNDS):
                if self._stopping.wait(PAUSE_S):
                    return
                try:
                    self._round(client, number)
                except (httpx.HTTPError, AssertionError, KeyError, ValueError) as error:
                    self.faults.append(f"round {number}: {error!r}")

    def _round(self, client: httpx.Client, number: int) -> None:
        user_id = f"busy-{number // PAGES_A_LISTENER}"
        answer = client.get("/v1/feed", params={"user_id": user_id, "size": SIZE})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert (len(page["slots"]), page["degraded"]) == (SIZE, False), answer.text
        events = _reactions(page, f"busy-{number}")
        self._tell(client, events, "accepted")
        self.pages.append(page)
        self.told.extend(events)
        if number % REPEAT_EVERY == 0:
            self._tell(client, events, "duplicate")

    @staticmethod
    def _tell(client: httpx.Client, events: list[dict[str, Any]], expected: str) -> None:
        answer = client.post("/v1/events", json={"events": events})
        assert answer.status_code == 200, answer.text
        statuses = [verdict["status"] for verdict in answer.json()["verdicts"]]
        assert statuses == [expected] * len(events), answer.text


def _reactions(page: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
    """Return what a listener does with a page: hears one track out, likes it, skips the next."""
    done = ((0, "play"), (0, "finish"), (0, "like"), (1, "play"), (1, "skip"))
    return [
        event(
            page["user_id"],
            page["slots"][position]["track_id"],
            action,
            f"{prefix}-{position}-{action}",
            request_id=page["request_id"],
            position=position,
        )
        for position, action in done
    ]
