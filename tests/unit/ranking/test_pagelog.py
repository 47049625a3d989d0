from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from core.schema import requests
from core.tables import CANDIDATES, EXPOSURES, IMPRESSIONS
from core.workspace import open_workspace
from ranking.assembly import FeedConfig, assemble
from ranking.listeners.replay import EventLog
from ranking.listeners.state import load_listener
from ranking.model import FeedQuery, Listener, Page
from ranking.pagelog import Exposure, append_pages, page_row, read_exposures, read_pages
from ranking.rankers.fusion import FusionRanker
from tests.support.worlds import NOW_MS, TinyWorld, listener_of, query_of, tiny_world


@pytest.fixture(scope="module")
def world() -> TinyWorld:
    return tiny_world()


def served(world: TinyWorld, query: FeedQuery) -> Page:
    return assemble(world.catalogue, world.learned, FusionRanker(), FeedConfig()).serve(query)


def test_a_page_comes_back_as_it_was_served(world: TinyWorld) -> None:
    query = query_of(listener_of(world, 1), size=20)
    page = served(world, query)
    row = page_row(page, query, "r1", world.catalogue, {"vectors": "v1"}, "engine")
    impressions, candidates = read_pages([row])

    assert impressions.schema == IMPRESSIONS.schema
    assert tuple(impressions["track_id"]) == world.catalogue.tracks.take(page.feed.rows)
    assert impressions["position"].to_list() == list(range(20))
    assert tuple(impressions["source"]) == page.feed.sources
    np.testing.assert_array_equal(impressions["score"], page.feed.scores)
    np.testing.assert_array_equal(impressions["propensity"], page.feed.propensities)
    np.testing.assert_array_equal(impressions["is_fresh"], page.feed.is_fresh)
    assert impressions["variant"].unique().to_list() == ["engine"]
    assert impressions["at"].dt.epoch("ms").unique().to_list() == [NOW_MS]

    trace = page.trace
    assert candidates.schema == CANDIDATES.schema
    assert tuple(candidates["track_id"]) == world.catalogue.tracks.take(trace.candidates.rows)
    np.testing.assert_array_equal(candidates["score"], trace.candidates.scores)
    np.testing.assert_array_equal(
        np.array(candidates["features"].to_list(), dtype=np.float32), trace.features.values
    )
    assert tuple(candidates["feature_names"][0]) == trace.features.names
    offered = ~np.isnan(trace.candidates.source_ranks)
    for at, names in enumerate(candidates["sources"].to_list()):
        assert names == list(np.array(trace.candidates.sources)[offered[at]])
        told = candidates["source_scores"][at].to_numpy()
        np.testing.assert_array_equal(told, trace.candidates.source_scores[at, offered[at]])
    shown = candidates.filter(pl.col("position").is_not_null()).sort("position")
    assert shown["track_id"].to_list() == impressions["track_id"].to_list()


def test_no_pages_and_empty_pages_keep_the_tables_columns(world: TinyWorld) -> None:
    impressions, candidates = read_pages([])
    assert impressions.schema == IMPRESSIONS.schema
    assert candidates.schema == CANDIDATES.schema
    everything = np.arange(len(world.catalogue))
    query = query_of(Listener("u"), exclude=everything)
    page = served(world, query)
    assert len(page.feed) == 0
    row = page_row(page, query, "r", world.catalogue, {}, "")
    impressions, candidates = read_pages([row])
    assert impressions.height == candidates.height == 0


def test_a_fallback_without_features_is_read_back(world: TinyWorld) -> None:
    heard = listener_of(world, 1)
    all_rows = np.flatnonzero(world.catalogue.servable).astype(np.int64)
    ones = np.ones(all_rows.size, dtype=np.float32)
    listener = Listener(
        user_id="u",
        rows=all_rows,
        plays=ones,
        finishes=ones,
        skips=ones,
        opinions=np.zeros(all_rows.size, dtype=np.int8),
        last_at_ms=np.full(all_rows.size, NOW_MS - 1),
        preferences=heard.preferences,
    )
    query = query_of(listener)
    page = served(world, query)
    assert page.trace.degraded
    row = page_row(page, query, "r", world.catalogue, {}, "")
    other = page_row(served(world, query_of(heard)), query_of(heard), "s", world.catalogue, {}, "")
    _, candidates = read_pages([row, other])
    degraded = candidates.filter(pl.col("request_id") == "r")
    assert degraded["features"].list.len().unique().to_list() == [0]


def test_the_store_keeps_pages_once_and_remembers_what_was_shown(
    world: TinyWorld, tmp_path: Path
) -> None:
    rows, pages = [], []
    for number, hours in enumerate((60, 5, 1)):
        query = query_of(Listener("u1"), size=5, seed=number, now_ms=NOW_MS - hours * 3_600_000)
        pages.append(served(world, query))
        rows.append(page_row(pages[-1], query, f"r{number}", world.catalogue, {}, ""))
    with open_workspace(tmp_path) as workspace:
        for _ in range(2):
            with workspace.database.write() as connection:
                append_pages(connection, rows)
        with workspace.database.read() as connection:
            stored = [dict(row) for row in connection.execute(requests.select()).mappings()]
            listener = load_listener(connection, world.catalogue, "u1", NOW_MS)
            earlier = load_listener(connection, world.catalogue, "u1", NOW_MS - 3_600_000)
    assert len(stored) == 3
    for left, right in zip(read_pages(stored), read_pages(rows), strict=True):
        assert_frame_equal(left, right)
    # Two days are remembered: the page 60 hours ago is forgotten, the last slot comes first.
    expected = [*pages[2].feed.rows[::-1], *pages[1].feed.rows[::-1]]
    assert listener.shown_rows.tolist() == expected
    assert earlier.shown_rows.tolist() == pages[1].feed.rows[::-1].tolist()

    events = pl.DataFrame(schema={"user_id": pl.String, "track_id": pl.String, "action": pl.String})
    events = events.with_columns(at=pl.lit(None, pl.Datetime("ms", "UTC")))
    plays = pl.DataFrame(schema={"user_id": pl.String, "track_id": pl.String, "plays": pl.Int64})
    log = EventLog.from_frames(events, plays, world.catalogue, read_pages(rows)[0])
    replayed = log.listener("u1", NOW_MS)
    assert replayed.shown_rows.tolist() == listener.shown_rows.tolist()
    assert replayed.shown_at_ms.tolist() == listener.shown_at_ms.tolist()


def test_the_experiments_of_a_page_are_rows_of_their_own(world: TinyWorld) -> None:
    query = query_of(listener_of(world, 0))
    page = served(world, query)
    told = (Exposure("fresh-share", "control", False), Exposure("ranker", "new"))
    inside = page_row(page, query, "r1", world.catalogue, {}, "", told)
    outside = page_row(page, query, "r2", world.catalogue, {}, "")
    rows = json.loads(json.dumps([inside | {"candidates": ""}, outside | {"candidates": ""}]))
    found = read_exposures(rows)
    assert found.schema == EXPOSURES.schema
    assert found.drop("at", "user_id").rows() == [
        ("r1", "fresh-share", "control", False), ("r1", "ranker", "new", None),
    ]  # fmt: skip
    assert found["at"].dt.epoch("ms").to_list() == [query.now_ms] * 2
    assert read_exposures([rows[1]]).height == 0
