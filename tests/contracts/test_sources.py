"""A source offers at most `limit` distinct tracks on air, best first, the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranking.catalogue import Status
from ranking.listeners.repeats import RepeatConfig
from ranking.model import Candidates
from ranking.protocols import CandidateSource
from ranking.sources.beliefs import TrialBoard, no_evidence
from ranking.sources.co_listened import CoListenedConfig, CoListenedSource
from ranking.sources.collaborative import CollaborativeConfig, CollaborativeSource
from ranking.sources.followed import FollowedConfig, FollowedSource
from ranking.sources.fresh import FreshConfig, FreshSource
from ranking.sources.popular import PopularConfig, PopularSource
from ranking.sources.shelf import shelf
from ranking.sources.similar import SimilarConfig, SimilarSource
from ranking.supply.audience import no_audience
from tests.contracts.listeners import requests_of, snapshot
from tests.support.worlds import TinyWorld, nothing_learned, tiny_world, with_copies

LIMITS = (0, 1, 7, 1000)
WORLD = tiny_world()
REQUESTS = requests_of(WORLD)


class SourceContract:
    """Inherit, and say how the source is made for a world."""

    status = Status.ACTIVE

    def make(self, world: TinyWorld) -> CandidateSource:
        raise NotImplementedError

    def test_it_is_a_source(self) -> None:
        assert isinstance(self.make(WORLD), CandidateSource)

    @pytest.mark.parametrize("kind", REQUESTS)
    @pytest.mark.parametrize("limit", LIMITS)
    def test_it_offers_at_most_limit_distinct_tracks_best_first(
        self, kind: str, limit: int
    ) -> None:
        source = self.make(WORLD)
        found = source.fetch(REQUESTS[kind], limit)
        assert len(found) <= limit
        assert np.unique(found.rows).size == len(found)
        assert np.all((found.rows >= 0) & (found.rows < len(WORLD.catalogue)))
        assert np.all(np.isfinite(found.scores))
        assert np.all(np.diff(found.scores) <= 0)
        assert found.sources == (source.name,)
        np.testing.assert_array_equal(found.source_ranks[:, 0], np.arange(len(found)))
        np.testing.assert_array_equal(found.source_scores[:, 0], found.scores)

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_it_offers_tracks_on_air_in_its_status(self, kind: str) -> None:
        catalogue = WORLD.catalogue
        some = np.arange(0, len(catalogue), 3)
        blocked = np.full(some.size, Status.BLOCKED, dtype=np.int8)
        hidden = np.zeros(len(catalogue), dtype=np.bool_)
        hidden[some + 1] = True
        world = replace(WORLD, catalogue=catalogue.with_statuses(some, blocked, hidden))
        rows = self.make(world).fetch(REQUESTS[kind], 1000).rows
        assert np.all(world.catalogue.servable[rows])
        assert np.all(world.catalogue.statuses[rows] == self.status)

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_it_answers_the_same_again_and_leaves_the_query_alone(self, kind: str) -> None:
        source, query = self.make(WORLD), REQUESTS[kind]
        before = snapshot(query)
        first, again = source.fetch(query, 20), source.fetch(query, 20)
        other = self.make(WORLD).fetch(query, 20)
        assert snapshot(query) == before
        assert snapshot(first) == snapshot(again) == snapshot(other)

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_a_smaller_limit_is_the_beginning_of_a_larger_one(self, kind: str) -> None:
        source = self.make(WORLD)
        few, many = source.fetch(REQUESTS[kind], 5), source.fetch(REQUESTS[kind], 15)
        np.testing.assert_array_equal(few.rows, many.rows[:5])

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_what_the_filters_would_drop_takes_no_place(self, kind: str) -> None:
        query = REQUESTS[kind]
        rows = self.make(WORLD).fetch(query, 1000).rows
        against = query.listener.rows[query.listener.opinions < 0]
        assert not np.isin(rows, np.concatenate([against, query.exclude])).any()

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_nor_do_their_copies(self, kind: str) -> None:
        query, world = REQUESTS[kind], with_copies(WORLD)
        listener = query.listener
        mine = np.concatenate([listener.rows, query.exclude]).astype(np.int64)
        copies = world.catalogue.clusters.with_copies(mine)[mine.size :]
        assert copies.size >= mine.size
        assert not np.isin(self.make(world).fetch(query, 1000).rows, copies).any()

    def test_before_any_training_it_answers(self) -> None:
        world = replace(WORLD, learned=nothing_learned(WORLD.catalogue))
        for query in REQUESTS.values():
            assert isinstance(self.make(world).fetch(query, 10), Candidates)

    def test_an_empty_catalogue_has_nothing_to_offer(self) -> None:
        world = tiny_world(n_tracks=0, n_creators=0, n_users=0)
        query = replace(REQUESTS["cold"])
        assert len(self.make(world).fetch(query, 10)) == 0


class TestCollaborative(SourceContract):
    def make(self, world: TinyWorld) -> CandidateSource:
        on_air = shelf(world.catalogue, Status.ACTIVE, RepeatConfig())
        return CollaborativeSource(on_air, world.learned.factors, CollaborativeConfig())


class TestSimilar(SourceContract):
    def make(self, world: TinyWorld) -> CandidateSource:
        on_air = shelf(world.catalogue, Status.ACTIVE, RepeatConfig())
        learned = world.learned
        return SimilarSource(on_air, learned.vectors, learned.index, SimilarConfig())


class TestCoListened(SourceContract):
    def make(self, world: TinyWorld) -> CandidateSource:
        on_air = shelf(world.catalogue, Status.ACTIVE, RepeatConfig())
        return CoListenedSource(on_air, world.learned.neighbours, CoListenedConfig())


class TestPopular(SourceContract):
    def make(self, world: TinyWorld) -> CandidateSource:
        on_air = shelf(world.catalogue, Status.ACTIVE, RepeatConfig())
        return PopularSource(on_air, world.learned.statistics, PopularConfig())


class TestFollowed(SourceContract):
    def make(self, world: TinyWorld) -> CandidateSource:
        on_air = shelf(world.catalogue, Status.ACTIVE, RepeatConfig())
        return FollowedSource(on_air, world.catalogue, FollowedConfig())


class TestFresh(SourceContract):
    status = Status.TRIAL

    def make(self, world: TinyWorld) -> CandidateSource:
        on_trial = shelf(world.catalogue, Status.TRIAL, RepeatConfig())
        board = TrialBoard(no_evidence(len(world.catalogue)))
        audience = no_audience(len(world.catalogue))
        return FreshSource(
            on_trial, world.catalogue, world.learned.vectors, audience, board, FreshConfig()
        )
