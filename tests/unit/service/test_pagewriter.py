"""The log of pages: batched, bounded, and never in a listener's way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.errors import StoreUnavailableError
from core.schema import requests
from core.workspace import Workspace, open_workspace
from ranking.assembly import FeedConfig
from ranking.model import FeedQuery, Listener
from service import pagewriter
from service.feedset import FeedSet, load_set
from service.metrics import Metrics
from service.pagewriter import PageWriter, ServedPage
from tests.support.service_world import lay_world, now, read


def served(live: FeedSet, request_id: str) -> ServedPage:
    query = FeedQuery(Listener("u"), size=5, now_ms=now(), seed=1)
    return ServedPage(request_id, query, live.engine.serve(query), live.catalogue, live.versions)


def logged(workspace: Workspace) -> set[str]:
    return {row[0] for row in read(workspace.database, sa.select(requests.c.request_id))}


def value(counter: Any) -> float:
    return float(counter._value.get())


def test_everything_that_waits_is_written_at_the_end(tmp_path: Path) -> None:
    lay_world(tmp_path, 12)
    metrics = Metrics()
    with open_workspace(tmp_path) as workspace:
        live = load_set(workspace, FeedConfig(), {}, 0)
        writer = PageWriter(workspace.database, metrics, capacity=10, batch_ms=60_000)
        writer.start()
        for number in range(5):
            writer.add(served(live, f"r{number}"))
        writer.stop(20)
        assert logged(workspace) == {f"r{number}" for number in range(5)}
    assert (value(metrics.pages_logged), value(metrics.pages_dropped)) == (5, 0)


def test_pages_beyond_the_bound_are_dropped_and_counted(tmp_path: Path) -> None:
    lay_world(tmp_path, 12)
    metrics = Metrics()
    with open_workspace(tmp_path) as workspace:
        live = load_set(workspace, FeedConfig(), {}, 0)
        writer = PageWriter(workspace.database, metrics, capacity=3, batch_ms=1)
        for number in range(5):  # it does not write yet
            writer.add(served(live, f"r{number}"))
        assert value(metrics.pages_dropped) == 2
        writer.start()
        writer.stop(20)
        assert logged(workspace) == {"r0", "r1", "r2"}


def test_a_store_that_comes_back_gets_what_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_world(tmp_path, 12)
    append, tried, written = pagewriter.append_pages, [], threading.Event()

    def failing_once(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
        tried.append(len(rows))
        if len(tried) == 1:
            raise StoreUnavailableError("the store is away")
        append(connection, rows)
        written.set()

    monkeypatch.setattr(pagewriter, "append_pages", failing_once)
    monkeypatch.setattr(pagewriter, "RETRY_S", 0.01)
    metrics = Metrics()
    with open_workspace(tmp_path) as workspace:
        live = load_set(workspace, FeedConfig(), {}, 0)
        writer = PageWriter(workspace.database, metrics, capacity=3, batch_ms=1)
        writer.start()
        writer.add(served(live, "r0"))
        assert written.wait(20)
        writer.stop(20)
        assert logged(workspace) == {"r0"}
    assert tried == [1, 1]
    assert value(metrics.pages_dropped) == 0


def test_a_page_that_cannot_be_logged_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_world(tmp_path, 12)
    whole = pagewriter.page_row

    def broken(page: Any, query: Any, request_id: str, *more: Any) -> dict[str, Any]:
        if request_id == "r1":
            raise ValueError("cannot be packed")
        return whole(page, query, request_id, *more)

    monkeypatch.setattr(pagewriter, "page_row", broken)
    metrics = Metrics()
    with open_workspace(tmp_path) as workspace:
        live = load_set(workspace, FeedConfig(), {}, 0)
        writer = PageWriter(workspace.database, metrics, capacity=9, batch_ms=60_000)
        for number in range(3):
            writer.add(served(live, f"r{number}"))
        writer.start()
        writer.stop(20)
        assert logged(workspace) == {"r0", "r2"}
    assert value(metrics.pages_dropped) == 1
