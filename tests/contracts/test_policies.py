"""A policy arranges at most `size` distinct slots of the ranked candidates, the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranking.assembly import FeedConfig, assemble
from ranking.merging import no_candidates
from ranking.model import Candidates, FeedQuery
from ranking.policies.fresh import FreshSlotsConfig
from ranking.policies.page import PageConfig
from ranking.protocols import FeedPolicy
from ranking.rankers.fusion import FusionRanker
from tests.contracts.listeners import requests_of, snapshot
from tests.support.worlds import tiny_world

WORLD = tiny_world()
REQUESTS = requests_of(WORLD)
SIZES = (1, 2, 10, 20, 500)


class PolicyContract:
    """Inherit, and say how the policy is made."""

    def make(self) -> FeedPolicy:
        raise NotImplementedError

    def ranked(self, query: FeedQuery) -> Candidates:
        engine = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig())
        return engine.serve(query).trace.candidates

    def test_it_is_a_policy(self) -> None:
        assert isinstance(self.make(), FeedPolicy)

    @pytest.mark.parametrize("kind", REQUESTS)
    @pytest.mark.parametrize("size", SIZES)
    def test_slots_are_distinct_candidates_with_their_scores(self, kind: str, size: int) -> None:
        query = replace(REQUESTS[kind], size=size)
        ranked = self.ranked(query)
        feed = self.make().arrange(query, ranked)
        assert 0 < len(feed) <= size
        assert np.unique(feed.rows).size == len(feed)
        score_of = dict(zip(ranked.rows.tolist(), ranked.scores.tolist(), strict=True))
        assert [score_of[row] for row in feed.rows.tolist()] == feed.scores.tolist()
        assert len(feed.sources) == len(feed.reasons) == len(feed)
        assert set(feed.sources) <= set(ranked.sources)
        assert all(feed.reasons)

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_propensities_are_probabilities(self, kind: str) -> None:
        query = REQUESTS[kind]
        feed = self.make().arrange(query, self.ranked(query))
        assert feed.propensities.shape == feed.is_fresh.shape == (len(feed),)
        assert np.all((feed.propensities > 0) & (feed.propensities <= 1))

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_the_same_query_gets_the_same_page(self, kind: str) -> None:
        query = REQUESTS[kind]
        ranked = self.ranked(query)
        before = snapshot(query) + snapshot(ranked)
        first, again = self.make().arrange(query, ranked), self.make().arrange(query, ranked)
        assert snapshot(first) == snapshot(again)
        assert (first.sources, first.reasons) == (again.sources, again.reasons)
        assert snapshot(query) + snapshot(ranked) == before

    def test_nothing_is_an_empty_page(self) -> None:
        query = REQUESTS["warm"]
        assert len(self.make().arrange(query, no_candidates(("popular", "fresh")))) == 0


def _policy(config: PageConfig) -> FeedPolicy:
    feed = FeedConfig(page=config)
    return assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), feed).policy


class TestPage(PolicyContract):
    def make(self) -> FeedPolicy:
        return _policy(PageConfig())


class TestPageWithoutWishes(PolicyContract):
    def make(self) -> FeedPolicy:
        plain = FreshSlotsConfig(share=0)
        return _policy(PageConfig(fresh=plain, creator_gap=1, diversity=0, generated_share=1))


class TestPageOfManyFreshSlots(PolicyContract):
    def make(self) -> FeedPolicy:
        eager = FreshSlotsConfig(share=0.5, temperature=5)
        return _policy(PageConfig(fresh=eager, creator_gap=6, diversity=0.9, generated_share=0.1))


class TestPageOfListenersWhoWereShownEnough(PolicyContract):
    def make(self) -> FeedPolicy:
        return _policy(PageConfig(generated_share=1, generated_listener_share=0.05))
