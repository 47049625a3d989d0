"""From an empty folder to a feed that reacts, learns and changes its models while it serves."""

from __future__ import annotations

import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from core.schema import requests, tallies
from core.tables import CANDIDATES, EVENTS, IMPRESSIONS
from core.workspace import Workspace, open_workspace
from embeddings.collaborative.factors import AlsFactors
from ranking.listeners.tallies import KEYS, TALLY_SCHEMA, tally
from tests.support.busy_client import BusyClient
from tests.support.program import Program
from tests.support.service_world import Service, event, read, wait_until

DAYS = 10
TRACKS = 48
SIZES = ("--tracks", str(TRACKS), "--listeners", "100", "--days", str(DAYS), "--seed", "7")
RETRAINED = {"factors", "bridge", "neighbours", "autoencoder", "statistics", "ranker"}
KINDS = {"encoder", "vectors", "index", *RETRAINED}
TASTE = {"collaborative", "similar", "co_listened"}  # sources that know what a listener likes
REACTION_S = 1.0  # what the product promises
SWITCH_S = 10.0  # a look a second, and the loading of a small set on busy cores

# The history ends where the clock stands, so that new events stand beside it as they would in use.
# What was shown may come back at once: only what was heard or disliked can then be missing.
SETTINGS = """
[world.create]
start = "{start}"
track_seconds = 5
[embeddings.audio.encoder]
epochs = 2
epoch_steps = 5
atoms = 32
dim = 24
learned_dim = 8
n_crops = 2
[train.ranker]
windows = 2
[train.ranker.trees]
trees = 40
threads = 1
[feed.repeats.default]
shown_window_hours = 0
"""

Page = dict[str, Any]


def test_a_first_feed_end_to_end(tmp_path: Path) -> None:
    segue = Program(tmp_path)
    start = datetime.now(UTC).date() - timedelta(days=DAYS)
    (tmp_path / "segue.toml").write_text(SETTINGS.format(start=start))
    assert segue("world", "create", *SIZES)["tracks"] == TRACKS
    assert {made["kind"] for made in segue("train")["artifacts"]} == KINDS
    first = segue("promote")["versions"]

    with segue.serve() as service, open_workspace(segue.data) as workspace:
        assert service.client.get("/readyz").json()["versions"] == first
        assert TASTE & _sources(_ask(service, "listener-00001"))
        pages, told = _see_the_next_feed_react(service)

        with BusyClient(service.url) as busy:
            busy.go_on()
            moved = segue("compact")
            assert moved["events"] >= len(told)
            _check_events_moved_once(workspace, told)
            busy.go_on()

            made = segue("train", "--only", "factors,ranker")["artifacts"]
            assert {one["kind"] for one in made} == RETRAINED
            second = segue("promote")["versions"]
            assert {kind for kind in KINDS if first[kind] != second[kind]} == RETRAINED
            wait_until(lambda: _versions(service) == second, SWITCH_S)
            busy.go_on()
            _check_who_is_known(workspace, "ada", first, second)

            assert segue("rollback")["versions"] == first
            wait_until(lambda: _versions(service) == first, SWITCH_S)
            busy.go_on()

        assert busy.faults == []
        _check_nothing_was_lost(service)
        _check_what_is_loaded(service.process.pid)
        service.process.terminate()
        assert service.process.wait(30) in {0, -signal.SIGTERM}

        pages += busy.pages
        told += busy.told
        assert _rankers(workspace, busy.pages) == [one["ranker"] for one in (first, second, first)]
        segue("compact")
        _check_events_moved_once(workspace, told)
        _check_tallies_agree(workspace)
        _check_pages_are_logged(workspace, pages)


def _see_the_next_feed_react(service: Service) -> tuple[list[Page], list[dict[str, Any]]]:
    """Let one of three new listeners react to a page; return the pages and what was told."""
    before = {who: _ask(service, who) for who in ("ada", "ben", "cleo")}
    wait_until(lambda: _has_logged_all(service))
    assert not TASTE & _sources(before["ada"])
    told = _first_reactions(before["ada"])
    heard, disliked = told[0]["track_id"], told[2]["track_id"]

    start_s = time.monotonic()
    answer = service.client.post("/v1/events", json={"events": told})
    after = {"ada": _ask(service, "ada")}
    assert time.monotonic() - start_s < REACTION_S
    assert answer.json()["accepted"] == len(told)
    after |= {who: _ask(service, who) for who in ("ben", "cleo")}

    assert not {heard, disliked} & set(_ids(after["ada"]))
    assert {heard, disliked} <= set(_ids(after["ben"]))
    assert TASTE & _sources(after["ada"])
    assert not TASTE & _sources(after["ben"])
    # Two who did nothing are judged alike, so what sets ada apart is what she did.
    assert _share_of_other_scores(before, after, "ben", "cleo") == 0
    assert _share_of_other_scores(before, after, "ada", "ben") > 0.5
    return [*before.values(), *after.values()], told


def _first_reactions(page: Page) -> list[dict[str, Any]]:
    """Return what a listener does with the first five slots that were not drawn by chance."""
    done = ((0, "play"), (0, "finish"), (1, "dislike"), (2, "like"), (3, "like"), (4, "like"))
    ranked = [slot for slot in page["slots"] if not slot["is_fresh"]]
    return [
        event(
            page["user_id"],
            ranked[place]["track_id"],
            action,
            f"{page['user_id']}-{place}-{action}",
            request_id=page["request_id"],
            position=ranked[place]["position"],
        )
        for place, action in done
    ]


def _has_logged_all(service: Service) -> bool:
    served, logged = "segue_feeds_total", "segue_pages_logged_total"
    return service.metric(served) == service.metric(logged)


def _share_of_other_scores(
    before: dict[str, Page], after: dict[str, Page], one: str, other: str
) -> float:
    """Return on how many tracks that both saw equally often two listeners' scores differ."""
    seen, theirs = set(_ids(before[one])), set(_ids(before[other]))
    mine, others = _scores(after[one]), _scores(after[other])
    alike = [track for track in mine.keys() & others.keys() if (track in seen) == (track in theirs)]
    assert len(alike) >= 10
    return sum(mine[track] != others[track] for track in alike) / len(alike)


def _ask(service: Service, user_id: str) -> Page:
    answer = service.client.get("/v1/feed", params={"user_id": user_id, "size": 100})
    assert answer.status_code == 200, answer.text
    page: Page = answer.json()
    assert page["slots"]
    assert page["degraded"] is False
    return page


def _ids(page: Page) -> list[str]:
    return [slot["track_id"] for slot in page["slots"]]


def _scores(page: Page) -> dict[str, float]:
    return {slot["track_id"]: slot["score"] for slot in page["slots"]}


def _sources(page: Page) -> set[str]:
    return {slot["source"] for slot in page["slots"]}


def _versions(service: Service) -> Any:
    return service.client.get("/readyz").json()["versions"]


def _rankers(workspace: Workspace, pages: list[Page]) -> list[str]:
    """Return the rankers that made pages which were asked for one after the other."""
    query = sa.select(requests.c.request_id, requests.c.artifacts)
    rankers = {row.request_id: row.artifacts["ranker"] for row in read(workspace.database, query)}
    return [ranker for ranker, _ in groupby(rankers[page["request_id"]] for page in pages)]


def _check_events_moved_once(workspace: Workspace, told: list[dict[str, Any]]) -> None:
    moved = workspace.warehouse.read(EVENTS)
    assert moved["event_id"].is_unique().all()
    key = ["event_id", "user_id", "track_id", "action", "at", "request_id"]
    expected = pl.DataFrame([{name: one[name] for name in key} for one in told])
    found = moved.select(key).with_columns(pl.col("at").dt.epoch("ms"))
    found = found.filter(pl.col("event_id").is_in(expected["event_id"].to_list()))
    assert_frame_equal(found, expected, check_row_order=False)


def _check_who_is_known(
    workspace: Workspace, user_id: str, first: dict[str, str], second: dict[str, str]
) -> None:
    """What was moved while serving was learned from, and not before."""
    known = [
        AlsFactors.load(workspace.artifacts.folder("factors", versions["factors"])).user_ids
        for versions in (first, second)
    ]
    assert [user_id in users for users in known] == [False, True]


def _check_nothing_was_lost(service: Service) -> None:
    lost = ("feeds_degraded", "pages_dropped", "source_failures", "promotions_refused")
    assert {name: service.metric(f"segue_{name}_total") for name in lost} == dict.fromkeys(lost, 0)


def _check_what_is_loaded(pid: int) -> None:
    if sys.platform != "linux":  # nowhere else is a process's memory a file
        return
    loaded = Path(f"/proc/{pid}/maps").read_text()
    assert "/lightgbm/" in loaded
    assert not [name for name in ("libtorch", "/torch/", "/implicit/") if name in loaded]


def _check_tallies_agree(workspace: Workspace) -> None:
    """What the store added up event by event is what all events of the warehouse add up to."""
    columns = [tallies.c[name] for name in TALLY_SCHEMA.names()]
    rows = [tuple(row) for row in read(workspace.database, sa.select(*columns))]
    stored = pl.DataFrame(rows, schema=TALLY_SCHEMA, orient="row")
    assert_frame_equal(stored.sort(KEYS), tally(workspace.warehouse.read(EVENTS)).sort(KEYS))


def _check_pages_are_logged(workspace: Workspace, pages: list[Page]) -> None:
    """Every page stands in the warehouse, slot by slot, with what it was chosen from."""
    served = {page["request_id"]: _ids(page) for page in pages}
    impressions = _by_page(workspace, IMPRESSIONS.name, list(served))
    assert impressions == served
    candidates = workspace.warehouse.read(CANDIDATES)
    candidates = candidates.filter(pl.col("request_id").is_in(list(served)))
    assert _by_page(workspace, CANDIDATES.name, list(served)) == served
    n_features = candidates["features"].list.len()
    assert (n_features == candidates["feature_names"].list.len()).all()
    assert (n_features > 0).all()
    assert (candidates["sources"].list.len() > 0).all()
    assert candidates["score"].is_finite().all()


def _by_page(workspace: Workspace, table: str, request_ids: list[str]) -> dict[str, list[str]]:
    """Return page → the tracks that got its slots, in their order."""
    with workspace.warehouse.connect() as connection:
        found = connection.sql(
            f"SELECT request_id, list(track_id ORDER BY position) FROM {table} "
            "WHERE position IS NOT NULL AND list_contains($ids, request_id) GROUP BY 1",
            params={"ids": request_ids},
        ).fetchall()
    return dict(found)
