"""A listener meets a recording once, whichever of its tracks they met, served or replayed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa

from core.database import Database, open_database, upsert
from core.events import DAY_MS, Interaction
from core.schema import near_duplicates, tracks
from core.tables import TIME
from ranking.assembly import FeedConfig, assemble, popular_feed
from ranking.listeners.record import record_interactions
from ranking.listeners.replay import EventLog
from ranking.listeners.state import load_listener
from ranking.loading import load_catalogue
from ranking.model import Listener, Rows
from ranking.rankers.fusion import FusionRanker
from tests.support.worlds import (
    NOW_MS,
    TinyWorld,
    listener_of,
    nothing_learned,
    query_of,
    tiny_world,
    with_copies,
)

IDS = tuple(f"t{number}" for number in range(8))
COPIES = {"t1": "t0", "t2": "t0", "t5": "t4"}
MET = (("t1", "play"), ("t1", "finish"), ("t5", "dislike"), ("t6", "like"))
SHOWABLE = {"t3", "t6", "t7"}  # t0 was heard as t1, t4 disliked as t5; t6 was liked and never heard


@pytest.fixture
def store() -> Iterator[Database]:
    database = open_database("sqlite://")
    rows = [{"track_id": one, "status": "active", "updated_at": NOW_MS} for one in IDS]
    found = [{"track_id": a, "canonical_id": b, "found_at": 0} for a, b in COPIES.items()]
    with database.write() as connection:
        upsert(connection, tracks, rows)
        connection.execute(sa.insert(near_duplicates), found)
    yield database
    database.close()


def told() -> list[Interaction]:
    return [
        Interaction(event_id=f"e{at}", user_id="u", track_id=track, action=action, at=NOW_MS)
        for at, (track, action) in enumerate(MET)
    ]


def test_the_feed_and_its_replay_leave_out_the_same_copies(store: Database) -> None:
    record_interactions(store, told(), received_at_ms=NOW_MS)
    with store.read() as connection:
        catalogue = load_catalogue(connection)
        served = load_listener(connection, catalogue, "u", NOW_MS + 1)
    rows = [("u", one.track_id, one.action.value, one.at) for one in told()]
    events = pl.DataFrame(rows, schema=["user_id", "track_id", "action", "at"], orient="row")
    events = events.with_columns(pl.col("at").cast(TIME))
    nothing = pl.DataFrame(schema={"user_id": pl.String, "track_id": pl.String, "plays": pl.Int64})
    replayed = EventLog.from_frames(events, nothing, catalogue).listener("u", NOW_MS + 1)
    learned = nothing_learned(catalogue)
    engine = assemble(catalogue, learned, FusionRanker(), FeedConfig())
    for listener in (served, replayed):
        found = engine.shortlist(query_of(listener, now_ms=NOW_MS + 1)).rows
        assert set(catalogue.tracks.take(found)) == SHOWABLE
        page = engine.serve(query_of(listener, size=8, now_ms=NOW_MS + 1)).feed
        assert set(catalogue.tracks.take(page.rows)) == SHOWABLE
    found = engine.shortlist(query_of(Listener("new"))).rows
    assert set(catalogue.tracks.take(found)) == SHOWABLE | {"t0", "t4"}


def test_it_stays_so_when_another_track_comes_to_stand_for_the_recording(store: Database) -> None:
    record_interactions(store, told(), received_at_ms=NOW_MS)
    with store.write() as connection:
        connection.execute(
            sa.update(tracks).where(tracks.c.track_id.in_(["t0", "t4"])), {"status": "retired"}
        )
    with store.read() as connection:
        catalogue = load_catalogue(connection)
        served = load_listener(connection, catalogue, "u", NOW_MS + 1)
    engine = assemble(catalogue, nothing_learned(catalogue), FusionRanker(), FeedConfig())
    asked = query_of(served, size=8, now_ms=NOW_MS + 1)
    assert set(catalogue.tracks.take(engine.serve(asked).feed.rows)) == SHOWABLE
    anybody = engine.serve(query_of(Listener("new"), size=8)).feed
    assert set(catalogue.tracks.take(anybody.rows)) == SHOWABLE | {"t1", "t5"}


@pytest.fixture(scope="module")
def world() -> TinyWorld:
    return with_copies(tiny_world())


def recordings(world: TinyWorld, rows: Rows) -> set[int]:
    """Return which recordings tracks hold, by their smallest row."""
    return {
        int(world.catalogue.clusters.with_copies(rows[at : at + 1]).min())
        for at in range(rows.size)
    }


@pytest.mark.parametrize("make", [assemble, popular_feed])
def test_no_page_brings_back_what_was_heard_turned_down_or_shown(world: TinyWorld, make) -> None:
    config = FeedConfig()
    feed = (
        make(world.catalogue, world.learned, FusionRanker(), config)
        if make is assemble
        else make(world.catalogue, world.learned, config)
    )
    heard = listener_of(world, 1)
    mine = recordings(world, heard.rows)
    long_ago = replace(heard, last_at_ms=heard.last_at_ms - 100 * DAY_MS)
    against = replace(long_ago, opinions=np.full(heard.rows.size, -1, dtype=np.int8))
    shown = Listener("u", shown_rows=heard.rows, shown_at_ms=np.full(heard.rows.size, NOW_MS))
    for listener in (heard, against, shown):
        page = feed.serve(query_of(listener, 40)).feed
        assert page.rows.size > 10
        assert not mine & recordings(world, page.rows)
    # Windows pass for a recording as they do for a track.
    back = feed.serve(query_of(long_ago, 40)).feed
    assert mine & recordings(world, back.rows)


def test_what_sounds_like_a_favourite_is_not_its_copy(world: TinyWorld) -> None:
    config = FeedConfig.model_validate({"similar": {"skip_heard": False}})
    engine = assemble(world.catalogue, world.learned, FusionRanker(), config)
    listener = listener_of(world, 1, n_plays=3)
    similar = next(one for one in engine.offerings if one.source.name == "similar")
    found = similar.source.fetch(query_of(listener), 100).rows
    assert found.size
    assert not recordings(world, listener.rows) & recordings(world, found)
