"""A session moves the candidates at once, alike when serving and when replaying."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from ranking.catalogue import Status
from ranking.listeners.repeats import RepeatConfig
from ranking.listeners.replay import EventLog
from ranking.listeners.session import SessionConfig, in_session, session_emphasis
from ranking.model import FeedQuery, Listener
from ranking.sources.co_listened import CoListenedConfig, CoListenedSource
from ranking.sources.collaborative import CollaborativeConfig, CollaborativeSource
from ranking.sources.shelf import shelf
from ranking.sources.similar import SimilarConfig, SimilarSource
from tests.support.worlds import NOW_MS, query_of, tiny_world

MINUTE_MS = 60_000
WORLD = tiny_world(n_tracks=160)
SHELF = shelf(WORLD.catalogue, Status.ACTIVE, RepeatConfig())
PLAYABLE = np.intersect1d(np.flatnonzero(SHELF.open_to(query_of(Listener("u")))), np.arange(160))


def of_cluster(cluster: int, count: int) -> np.ndarray:
    return PLAYABLE[WORLD.cluster[PLAYABLE] == cluster][:count]


def visitor(minutes_ago: float) -> FeedQuery:
    """Return a request of a listener of cluster 0 who played three of cluster 1 some time ago."""
    ids = WORLD.catalogue.tracks.values
    old = [(ids[row], NOW_MS - 86_400_000 * 3) for row in of_cluster(0, 5)]
    late = [(ids[row], NOW_MS - int(minutes_ago * MINUTE_MS)) for row in of_cluster(1, 3)]
    events = pl.DataFrame(
        {"track_id": [t for t, _ in old + late], "at": [at for _, at in old + late]}
    ).with_columns(
        user_id=pl.lit("u"), action=pl.lit("play"), at=pl.col("at").cast(pl.Datetime("ms", "UTC"))
    )
    plays = pl.DataFrame(schema={"user_id": pl.String, "track_id": pl.String, "plays": pl.Int64})
    log = EventLog.from_frames(events, plays, WORLD.catalogue)
    return query_of(log.listener("u", NOW_MS))


def share_of_session(source: object, query: FeedQuery) -> float:
    found = source.fetch(query, 15)  # type: ignore[attr-defined]
    return float(np.mean(WORLD.cluster[found.rows] == 1))


def test_what_was_just_played_moves_the_candidates_and_what_was_played_before_does_not() -> None:
    learned = WORLD.learned
    strong = SessionConfig(boost=8.0)
    sources = (
        CollaborativeSource(SHELF, learned.factors, CollaborativeConfig(session=strong)),
        CoListenedSource(SHELF, learned.neighbours, CoListenedConfig(session=strong)),
        SimilarSource(
            SHELF, learned.vectors, learned.index, SimilarConfig(session=strong, earlier_weight=0.5)
        ),
    )
    for source in sources:
        now, before = visitor(minutes_ago=5), visitor(minutes_ago=45)
        assert share_of_session(source, now) > share_of_session(source, before), source.name


def test_without_a_session_every_track_counts_once() -> None:
    query = visitor(minutes_ago=45)
    assert not in_session(query, SessionConfig()).any()
    np.testing.assert_array_equal(session_emphasis(query, SessionConfig(boost=3.0)), 1.0)


def test_the_window_and_the_boost_decide() -> None:
    query = visitor(minutes_ago=5)
    emphasis = session_emphasis(query, SessionConfig(boost=3.0))
    assert sorted(emphasis.tolist()) == [1.0] * 5 + [4.0] * 3
    assert not in_session(query, SessionConfig(window_minutes=4)).any()
    assert not in_session(query, SessionConfig(window_minutes=0)).any()


def test_plays_without_times_belong_to_no_session() -> None:
    query = visitor(minutes_ago=5)
    timeless = replace(query.listener, last_at_ms=np.zeros_like(query.listener.last_at_ms))
    assert not in_session(replace(query, listener=timeless, now_ms=1), SessionConfig()).any()
