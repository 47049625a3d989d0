"""The engine's order, counts and failures, with parts that do as they are told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np
import pytest
import structlog

from core.errors import ArtifactError, SourceUnavailableError
from ranking.assembly import SOURCES, FeedConfig, assemble, popular_feed
from ranking.catalogue import Status
from ranking.engine import Engine, Offering
from ranking.model import (
    AiPreference,
    Candidates,
    FeatureMatrix,
    FeedQuery,
    Floats,
    Listener,
    Page,
    Preferences,
)
from ranking.rankers.fusion import FusionRanker
from tests.contracts.listeners import requests_of, snapshot
from tests.support.worlds import (
    NOW_MS,
    TinyWorld,
    listener_of,
    nothing_learned,
    query_of,
    tiny_world,
)

WORLD = tiny_world()
ENGINE = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig())


@dataclass(frozen=True)
class Failing:
    """A source that cannot answer."""

    name: str
    error: Exception

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        raise self.error


@dataclass(frozen=True)
class LastFirst:
    """A ranker that turns the order round, or fails."""

    error: Exception | None = None
    feature_names: tuple[str, ...] = ()

    def score(self, features: FeatureMatrix) -> Floats:
        if self.error:
            raise self.error
        return np.arange(len(features.values), dtype=np.float32)


@dataclass(frozen=True)
class NoFeatures:
    """A builder that fails."""

    names: tuple[str, ...] = ()

    def build(self, query: FeedQuery, candidates: Candidates) -> FeatureMatrix:
        raise KeyError("als")


def failing(*names: str, error: Exception) -> Engine:
    offerings = tuple(
        Offering(Failing(one.source.name, error), one.limit) if one.source.name in names else one
        for one in ENGINE.offerings
    )
    return replace(ENGINE, offerings=offerings)


def heard_everything(**wishes: object) -> Listener:
    rows = np.arange(len(WORLD.catalogue))
    ones = np.ones(rows.size, dtype=np.float32)
    none = np.zeros(rows.size)
    last = np.full(rows.size, NOW_MS - 1)
    return Listener(
        "u",
        rows,
        ones,
        ones,
        ones,
        none.astype(np.int8),
        last,
        preferences=Preferences(region="DE", **wishes),  # type: ignore[arg-type]
    )


def ids(page: Page) -> list[int]:
    return page.feed.rows.tolist()


def test_every_stage_is_timed_and_counted() -> None:
    page = ENGINE.serve(query_of(listener_of(WORLD, 1)))
    trace = page.trace
    assert set(trace.found) == set(SOURCES)
    assert ENGINE.source_names == SOURCES == trace.candidates.sources
    assert set(trace.drops) == {one.name for one in ENGINE.filters}
    stages = {f"source:{name}" for name in SOURCES}
    stages |= {"merge", "filters", "features", "ranker", "policy"}
    assert set(trace.durations_ms) == stages
    assert all(spent >= 0 for spent in trace.durations_ms.values())
    assert not trace.degraded
    assert trace.failed == {}


def test_what_was_found_and_not_dropped_is_ranked() -> None:
    page = ENGINE.serve(query_of(listener_of(WORLD, 1)))
    trace = page.trace
    union = len(ENGINE.shortlist(query_of(listener_of(WORLD, 1)))) + sum(trace.drops.values())
    assert union <= sum(trace.found.values())
    assert len(trace.candidates) == union - sum(trace.drops.values())
    assert np.all(np.diff(trace.candidates.scores) <= 0)


def test_the_trace_s_features_are_those_of_its_candidates_in_order() -> None:
    engine = replace(ENGINE, ranker=LastFirst())
    query = query_of(listener_of(WORLD, 1))
    trace = engine.serve(query).trace
    shortlist = engine.shortlist(query)
    assert trace.candidates.rows.tolist() == shortlist.rows[::-1].tolist()
    rebuilt = engine.features.build([query], [trace.candidates])
    assert trace.features.names == rebuilt.names
    # Products of another order of rows may round differently: float32.
    np.testing.assert_allclose(trace.features.values, rebuilt.values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", requests_of(WORLD))
def test_the_same_query_gets_the_same_page(kind: str) -> None:
    query = requests_of(WORLD)[kind]
    rebuilt = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig())
    first, again = ENGINE.serve(query), rebuilt.serve(query)
    assert snapshot(first.feed) == snapshot(again.feed)
    assert first.feed.reasons == again.feed.reasons


def test_threads_share_an_engine() -> None:
    queries = [query_of(listener_of(WORLD, at % 4), seed=at) for at in range(24)]
    expected = [ids(ENGINE.serve(query)) for query in queries]
    served: dict[int, list[int]] = {}

    def work(part: int) -> None:
        for at in range(part, len(queries), 4):
            served[at] = ids(ENGINE.serve(queries[at]))

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [served[at] for at in range(len(queries))] == expected


@pytest.mark.parametrize(
    "error", [SourceUnavailableError("the index is being swapped"), ZeroDivisionError("a bug")]
)
def test_a_source_that_fails_is_left_out_and_noted(error: Exception) -> None:
    query = query_of(listener_of(WORLD, 1), 20)
    with structlog.testing.capture_logs() as logs:
        page = failing("similar", "popular", error=error).serve(query)
    assert len(page.feed) == 20
    assert set(page.trace.failed) == {"similar", "popular"}
    assert str(error) in page.trace.failed["similar"]
    assert set(page.trace.found) == set(SOURCES) - {"similar", "popular"}
    assert not page.trace.degraded
    assert page.trace.candidates.sources == SOURCES  # columns never shift
    assert len(logs) == 2


def test_when_all_sources_fail_the_popular_list_is_served() -> None:
    engine = failing(*SOURCES, error=RuntimeError("all down"))
    listener = listener_of(WORLD, 1)
    with structlog.testing.capture_logs():
        page = engine.serve(query_of(listener, 10))
    assert page.trace.degraded
    assert len(page.feed) == 10
    assert not np.isin(page.feed.rows, listener.rows).any()
    assert set(page.feed.reasons) == {"popular_now"}
    recent = WORLD.learned.statistics.recent
    assert np.all(np.diff(recent[page.trace.candidates.rows]) <= 0)


def test_a_ranker_that_fails_leaves_the_merged_order() -> None:
    engine = replace(ENGINE, ranker=LastFirst(error=ValueError("bad model")))
    query = query_of(listener_of(WORLD, 1))
    with structlog.testing.capture_logs() as logs:
        page = engine.serve(query)
    assert page.trace.degraded
    assert page.trace.failed == {"ranker": "ValueError: bad model"}
    assert page.trace.candidates.rows.tolist() == engine.shortlist(query).rows.tolist()
    assert (logs[0]["event"], logs[0]["stage"]) == ("stage_failed", "ranker")


def test_features_that_fail_leave_the_merged_order() -> None:
    engine = replace(ENGINE, features=NoFeatures())
    query = query_of(listener_of(WORLD, 1))
    with structlog.testing.capture_logs():
        page = engine.serve(query)
    assert page.trace.degraded
    assert page.trace.failed == {"features": "KeyError: 'als'"}
    assert page.trace.candidates.rows.tolist() == engine.shortlist(query).rows.tolist()
    assert page.trace.features.values.shape == (len(page.trace.candidates), 0)
    assert len(page.feed) == query.size


def test_who_heard_everything_hears_it_again() -> None:
    page = ENGINE.serve(query_of(heard_everything()))
    assert page.trace.degraded
    assert len(page.feed) == 10


@pytest.mark.parametrize("make", [assemble, None])
def test_a_fallback_never_gives_up_what_is_forbidden(make: object) -> None:
    wishes = {"ai": AiPreference.NONE, "explicit": False, "blocked_creators": np.arange(6)}
    listener = replace(heard_everything(**wishes), user_id="c007")  # who makes music as well
    opinions = listener.opinions.copy()
    opinions[::2] = -1
    listener = replace(listener, opinions=opinions)
    catalogue = WORLD.catalogue
    engine = ENGINE if make else popular_feed(catalogue, WORLD.learned, FeedConfig())
    page = engine.serve(query_of(listener, 50))
    rows = page.feed.rows
    assert page.trace.degraded
    assert rows.size > 0
    assert catalogue.servable[rows].all()
    assert (opinions[rows] >= 0).all()
    assert not (catalogue.origins[rows] == 1).any()
    assert not catalogue.explicit[rows].any()
    assert not np.isin(catalogue.creator_rows[rows], [*np.arange(6), 7]).any()


def test_a_page_is_empty_only_where_nothing_may_be_shown() -> None:
    catalogue = WORLD.catalogue
    everything = np.arange(len(catalogue))
    assert ids(ENGINE.serve(query_of(Listener("u"), exclude=everything))) == []
    one_left = everything[everything != 3]
    assert ids(ENGINE.serve(query_of(heard_everything(), exclude=one_left))) == [3]


def _world_with(statuses: np.ndarray) -> TinyWorld:
    catalogue = replace(WORLD.catalogue, statuses=statuses.astype(np.int8), regions={})
    return replace(WORLD, catalogue=catalogue)


def test_a_catalogue_of_trial_tracks_only_is_not_an_empty_feed() -> None:
    world = _world_with(np.full(len(WORLD.catalogue), Status.TRIAL))
    for make in (assemble_of, popular_of):
        page = make(world).serve(query_of(Listener("u")))
        assert len(page.feed) == 10
        assert page.feed.is_fresh.all()


def assemble_of(world: TinyWorld) -> Engine:
    return assemble(world.catalogue, world.learned, FusionRanker(), FeedConfig())


def popular_of(world: TinyWorld) -> Engine:
    return popular_feed(world.catalogue, world.learned, FeedConfig())


def test_before_any_training_everybody_gets_a_feed() -> None:
    learned = nothing_learned(WORLD.catalogue, dim=0)
    world = replace(WORLD, learned=learned)
    for query in requests_of(WORLD).values():
        assert len(assemble_of(world).serve(query).feed) == query.size


def test_an_empty_catalogue_is_an_empty_page() -> None:
    world = tiny_world(n_tracks=0, n_creators=0, n_users=0)
    page = assemble_of(world).serve(query_of(Listener("u")))
    assert len(page.feed) == 0


def test_a_ranker_of_other_features_is_refused() -> None:
    with pytest.raises(ArtifactError, match="phase_of_moon"):
        assemble(
            WORLD.catalogue,
            WORLD.learned,
            LastFirst(feature_names=("phase_of_moon",)),
            FeedConfig(),
        )


def test_an_event_changes_the_next_page() -> None:
    before = ENGINE.serve(query_of(Listener("u"), 20))
    cluster = WORLD.rows_of(2)[:4]
    none = np.zeros(4, dtype=np.float32)
    listener = Listener(
        "u", cluster, none + 1, none + 1, none, none.astype(np.int8) + 1, np.full(4, NOW_MS - 5)
    )
    after = ENGINE.serve(query_of(listener, 20))
    share = [np.mean(WORLD.cluster[page.feed.rows] == 2) for page in (before, after)]
    assert share[1] > share[0] + 0.3
    assert not np.isin(after.feed.rows, cluster).any()
