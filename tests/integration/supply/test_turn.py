"""Turns of many workers on both stores, and workers that come back too late."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.workspace import Workspace, open_workspace
from pipelines.supply.generators.protocol import (
    Accepted,
    Delivered,
    DeliveredTrack,
    Failed,
    Order,
    Pending,
    Unclear,
)
from pipelines.supply.ordering.claims import claim_sent, claim_unsent, recover
from pipelines.supply.ordering.turn import take_turn, take_turns
from pipelines.supply.ordering.workshop import Step
from ranking.supply.desk import Desk
from tests.support.fake_mureka import tone
from tests.support.supply import (
    START_MS,
    Clock,
    approved,
    arrived,
    audio_files,
    config,
    tasks,
    workshop,
)

pytest_plugins = ["tests.support.postgres"]


class Scripted:
    """A generator that answers as it is told, and remembers what it was asked."""

    name = "synth"
    free = True

    def __init__(self, *, repeatable: bool = True, limit: int = 3) -> None:
        self.repeatable = repeatable
        self.limit_in_flight = limit
        self.sent: Counter[str] = Counter()
        self.most_in_flight = 0
        self.answers: list[Accepted | Failed | Unclear] = []
        self.polls: list[Pending | Failed] = []
        self.before_poll: Callable[[], None] = lambda: None
        self._open: set[str] = set()
        self._guard = threading.Lock()

    def refuses(self, brief: object) -> str:
        return ""

    def tracks_an_order(self, brief: object) -> int:
        return 1

    def submit(self, order: Order) -> Accepted | Failed | Unclear:
        with self._guard:
            self.sent[order.key] += 1
            self._open.add(order.key)
            self.most_in_flight = max(self.most_in_flight, len(self._open))
            return self.answers.pop(0) if self.answers else Accepted(order.key)

    def poll(self, order: Order, external_id: str) -> Pending | Delivered | Failed:
        self.before_poll()
        if self.polls:
            return self.polls.pop(0)

        def save(path: Path) -> None:
            path.write_bytes(tone(order.number))

        return Delivered((DeliveredTrack(0, ".flac", save, "m"),))

    def settle(self, order: Order, external_id: str) -> None:
        with self._guard:
            self._open.discard(order.key)


@pytest.fixture
def workspace(store_url: str, tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data", store_url) as opened:
        yield opened


def _run(workspace: Workspace, maker: Scripted, clock: Clock | None = None):
    return take_turn(workshop(workspace, {"synth": maker}, clock))


def test_workers_at_once_make_each_track_once_within_the_limit(workspace: Workspace) -> None:
    for number in range(3):
        approved(workspace, f"b{number}", count=4)
    maker, gate, failures = Scripted(), threading.Barrier(4), []

    def work() -> None:
        gate.wait()
        try:
            _run(workspace, maker)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    _run(workspace, maker)
    assert len(arrived(workspace)) == 12
    assert set(maker.sent.values()) == {1}
    assert maker.most_in_flight <= maker.limit_in_flight
    assert audio_files(workspace) == sorted(row.audio_path for row in arrived(workspace))


def test_a_deadline_gives_back_what_was_not_sent_and_keeps_what_was(workspace: Workspace) -> None:
    approved(workspace, count=3)
    maker, clock = Scripted(limit=2), Clock()
    maker.polls = [Pending()] * 50
    _run(workspace, maker, clock)
    assert [task.status for task in tasks(workspace)] == ["submitted", "submitted", "planned"]
    clock.now_ms += 31 * 86_400_000
    report = _run(workspace, maker, clock)
    assert report.given_up == 2
    assert [(t.status, t.tracks) for t in tasks(workspace)] == [
        ("failed", 1), ("failed", 1), ("withdrawn", 0)
    ]  # fmt: skip
    assert "its cost counts: it never finished" in tasks(workspace)[0].reason
    assert Desk(workspace.database).show("b").status == "closed"


def test_a_worker_that_lost_its_claim_stores_nothing(workspace: Workspace) -> None:
    """It rendered for longer than its lease; another took the order over and delivered it."""
    approved(workspace)
    maker, clock = Scripted(), Clock()

    def overtaken() -> None:
        maker.before_poll = lambda: None
        clock.now_ms += 3_600_000
        assert _run(workspace, maker, clock).delivered == 1

    maker.before_poll = overtaken
    assert _run(workspace, maker, clock).delivered == 0
    (row,) = arrived(workspace)
    assert audio_files(workspace) == [row.audio_path]
    assert [task.status for task in tasks(workspace)] == ["delivered"]


def test_an_answer_that_comes_after_the_lease_is_still_heard(workspace: Workspace) -> None:
    approved(workspace)
    maker, clock = Scripted(repeatable=False), Clock()

    def at(step: Step) -> None:
        if step == "sent":
            clock.now_ms += 3_600_000
            with workspace.database.write() as connection:
                recover(connection, maker, config().orders, clock.now_ms)
            assert [task.status for task in tasks(workspace)] == ["unknown"]

    report = take_turn(workshop(workspace, {"synth": maker}, clock, at=at))
    assert (report.sent, report.delivered, maker.sent["b-0000"]) == (1, 1, 1)


def test_a_claim_is_one_worker_s_until_its_lease_ends(workspace: Workspace) -> None:
    approved(workspace)
    maker, clock, orders = Scripted(), Clock(), config().orders
    maker.polls = [Pending()]
    _run(workspace, maker, clock)
    now_ms = clock.now_ms + 20_000
    with workspace.database.write() as connection:
        assert claim_unsent(connection, maker, orders, "a", now_ms) is None
        assert claim_sent(connection, maker, orders, "a", now_ms) is not None
        assert claim_sent(connection, maker, orders, "b", now_ms) is None
        later = now_ms + 15 * 60_000
        assert claim_sent(connection, maker, orders, "b", later - 1) is None
        taken = claim_sent(connection, maker, orders, "b", later)
    assert taken is not None
    assert (taken.worker, taken.order.brief.title) == ("b", "Night drive")


def test_turns_go_on_until_nothing_is_open(workspace: Workspace) -> None:
    approved(workspace, count=2)
    maker, clock, naps = Scripted(), Clock(), []
    maker.polls = [Pending(), Pending(), Failed("busy", retry=True, retry_after_s=3)]

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        clock.now_ms += round(1000 * seconds)

    report = take_turns(workshop(workspace, {"synth": maker}, clock), 600, sleep)
    assert (report.planned, report.delivered, report.open) == (2, 2, 0)
    assert 0 < max(naps) <= 1.0
    assert clock.now_ms - START_MS < 60_000
    maker.polls = [Pending()] * 100
    approved(workspace, "other")
    started = clock.now_ms
    report = take_turns(workshop(workspace, {"synth": maker}, clock), 25, sleep)
    assert (report.open, clock.now_ms - started) == (1, 25_000)
