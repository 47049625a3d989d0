"""Planning under a budget, on both stores, from many workers at once."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.schema import creators
from core.workspace import Workspace, open_workspace
from pipelines.supply.generators.synth import Synth
from pipelines.supply.ordering.turn import plan
from ranking.supply.desk import Desk
from ranking.supply.gap import replace_gaps
from ranking.supply.switches import set_switch
from tests.support.supply import (
    DAY_MS,
    START_MS,
    Clock,
    approved,
    brief,
    config,
    tasks,
    workshop,
)
from tests.support.supply_api import gap

pytest_plugins = ["tests.support.postgres"]


class Priced(Synth):
    """A generator that costs."""

    name = "mureka"
    free = False


ROSTER = {"synth": Synth(), "mureka": Priced()}
PRICED = {"generators": ["mureka"]}


@pytest.fixture
def workspace(store_url: str, tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data", store_url) as opened:
        yield opened


def _plan_in_process(root: Path, url: str, gate: object) -> None:
    with open_workspace(root, url) as workspace:
        gate.wait()  # type: ignore[attr-defined]
        settings = config(budget={"tracks_per_day": 20}, orders={"generators": ["synth"]})
        plan(workshop(workspace, ROSTER, settings=settings))


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_workers_at_once_never_exceed_the_budget(store_url: str, tmp_path: Path, kind: str) -> None:
    root = tmp_path / "data"
    with open_workspace(root, store_url) as workspace:
        for number in range(10):
            approved(workspace, f"b{number}", count=7)
    context = multiprocessing.get_context("fork")  # fresh interpreters would take a minute
    make = threading.Thread if kind == "threads" else context.Process
    gate = threading.Barrier(8) if kind == "threads" else context.Barrier(8)
    workers = [make(target=_plan_in_process, args=(root, store_url, gate)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with open_workspace(root, store_url) as workspace:
        assert sum(task.tracks for task in tasks(workspace)) == 20


def test_a_day_s_budget_holds_until_midnight(workspace: Workspace) -> None:
    approved(workspace, count=5)
    clock = Clock(START_MS + DAY_MS - 1)
    settings = config(budget={"tracks_per_day": 2})
    for expected in (2, 0):
        planned = plan(workshop(workspace, ROSTER, clock, settings))
        assert len(planned.tasks) == expected
        assert "today's budget" in planned.held["b"]
    clock.now_ms += 1
    assert len(plan(workshop(workspace, ROSTER, clock, settings)).tasks) == 2
    clock.now_ms += DAY_MS
    planned = plan(workshop(workspace, ROSTER, clock, settings))
    assert (len(planned.tasks), planned.held) == (1, {})
    assert [task.number for task in tasks(workspace)] == [0, 1, 2, 3, 4]


def test_money_is_set_aside_when_it_is_planned(workspace: Workspace) -> None:
    approved(workspace, "dear", count=9, cost_limit=1.5)
    approved(workspace, "open", count=9)
    settings = config(orders=PRICED, budget={"cost_per_day": 2.5})
    planned = plan(workshop(workspace, ROSTER, settings=settings))
    costs = [(task.brief_id, task.cost) for task in tasks(workspace)]
    assert costs == [("dear", 0.5)] * 3 + [("open", 0.5)] * 2
    assert "cost limit of 1.5" in planned.held["dear"]
    assert "today's budget" in planned.held["open"]


def test_without_money_only_what_is_free_is_ordered(workspace: Workspace) -> None:
    approved(workspace, count=2)
    no_money = {"cost_per_day": 0.0}
    priced = config(orders=PRICED, budget=no_money)
    assert plan(workshop(workspace, ROSTER, settings=priced)).tasks == []
    unpriced = config(orders=PRICED, budget={"cost_per_track": {}})
    planned = plan(workshop(workspace, ROSTER, settings=unpriced))
    assert "nobody says what mureka costs" in planned.held["b"]
    assert len(plan(workshop(workspace, ROSTER, settings=config(budget=no_money))).tasks) == 2


def test_drafts_are_ordered_only_where_the_setting_says_so(workspace: Workspace) -> None:
    desk = Desk(workspace.database)
    for name in ("one", "two"):
        desk.add(brief(count=2), segment_id=name, now_ms=START_MS, brief_id=name)
    assert plan(workshop(workspace, ROSTER)).tasks == []
    settings = config(budget={"auto_approve": True, "tracks_per_day": 3})
    planned = plan(workshop(workspace, ROSTER, settings=settings))
    assert (len(planned.tasks), planned.approved) == (3, ["one", "two"])
    desk.add(brief(), segment_id="three", now_ms=START_MS, brief_id="three")
    plan(workshop(workspace, ROSTER, settings=settings))
    assert desk.show("three").status == "draft"  # the budget does not reach for it


def test_a_stopped_generator_gets_no_orders_and_the_next_one_does(workspace: Workspace) -> None:
    approved(workspace, "one")
    both = config(orders={"generators": ["mureka", "synth"]})
    stop = {"stopped": True, "reason": "r", "who": "ada", "now_ms": 1}
    set_switch(workspace.database, "mureka", **stop)
    plan(workshop(workspace, ROSTER, settings=both))
    assert [task.generator for task in tasks(workspace)] == ["synth"]
    set_switch(workspace.database, "all", **stop)
    approved(workspace, "two")
    planned = plan(workshop(workspace, ROSTER, settings=both))
    assert planned.tasks == []
    assert "all was stopped by ada: r" in planned.held["two"]


def test_a_rejected_brief_gives_back_what_was_not_sent(workspace: Workspace) -> None:
    approved(workspace, count=4)
    settings = config(budget={"tracks_per_day": 4})
    plan(workshop(workspace, ROSTER, settings=settings))
    Desk(workspace.database).reject("b", who="ada", now_ms=START_MS, note="no")
    assert {task.status for task in tasks(workspace)} == {"withdrawn"}
    approved(workspace, "next", count=4)
    assert len(plan(workshop(workspace, ROSTER, settings=settings)).tasks) == 4


def test_a_brief_past_its_deadline_is_closed(workspace: Workspace) -> None:
    approved(workspace, deadline_ms=START_MS)
    assert plan(workshop(workspace, ROSTER)).closed == ["b"]
    shown = Desk(workspace.database).show("b")
    assert (shown.status, shown.note) == ("closed", "its deadline passed")


def test_a_name_that_came_since_holds_a_brief_back(workspace: Workspace) -> None:
    approved(workspace, prompt="like velvet motel")
    with workspace.database.write() as connection:
        connection.execute(sa.insert(creators), [{"creator_id": "c", "name": "Velvet Motel"}])
    planned = plan(workshop(workspace, ROSTER))
    assert planned.tasks == []
    assert "names 'Velvet Motel'" in planned.held["b"]


def test_a_budget_that_ends_early_is_spread_over_the_gaps_the_best_first(
    workspace: Workspace,
) -> None:
    with workspace.database.write() as connection:
        replace_gaps(connection, [gap(1), gap(2)], START_MS)
    desk = Desk(workspace.database)
    for brief_id, segment in (("a", "s2"), ("b", "s2"), ("c", "s2"), ("d", "s1"), ("e", "other")):
        desk.add(brief(count=4), segment_id=segment, now_ms=START_MS, brief_id=brief_id)
    settings = config(budget={"tracks_per_day": 10, "auto_approve": True})
    planned = plan(workshop(workspace, ROSTER, settings=settings))
    assert planned.approved == ["d", "a", "e"]  # s1's, s2's first, one for no gap that is known
    assert planned.held.keys() == {"e", "b", "c"}
    made = Counter(task.brief_id for task in tasks(workspace))
    assert made == {"d": 4, "a": 4, "e": 2}
