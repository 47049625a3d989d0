"""A feature builder describes each candidate in the same columns, whatever their order."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.assembly import FeedConfig, assemble, popular_feed
from ranking.engine import Engine
from ranking.merging import no_candidates
from ranking.model import Candidates
from ranking.protocols import FeatureBuilder
from ranking.rankers.fusion import FusionRanker
from tests.contracts.listeners import requests_of, snapshot
from tests.support.worlds import tiny_world

WORLD = tiny_world()
REQUESTS = requests_of(WORLD)


class FeatureBuilderContract:
    """Inherit, and name the feed whose builder is held to the promise."""

    engine: Engine

    @property
    def builder(self) -> FeatureBuilder:
        return self.engine.features

    def candidates(self, kind: str) -> Candidates:
        return self.engine.shortlist(REQUESTS[kind])

    def test_it_is_a_builder_with_distinct_columns(self) -> None:
        assert isinstance(self.builder, FeatureBuilder)
        assert len(set(self.builder.names)) == len(self.builder.names) > 0

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_rows_are_the_candidates_and_columns_the_names(self, kind: str) -> None:
        query, found = REQUESTS[kind], self.candidates(kind)
        before = snapshot(query) + snapshot(found)
        built = self.builder.build([query], [found])
        assert built.names == self.builder.names
        assert built.values.shape == (len(found), len(self.builder.names))
        assert built.values.dtype == np.float32
        assert not np.isinf(built.values).any()
        assert snapshot(query) + snapshot(found) == before

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_the_order_of_candidates_plays_no_part(self, kind: str) -> None:
        query, found = REQUESTS[kind], self.candidates(kind)
        order = np.random.default_rng(9).permutation(len(found))
        straight = self.builder.build([query], [found]).values
        shuffled = self.builder.build([query], [found.take(order)]).values
        # Products of another shape may sum in another order: float32 over tens of terms.
        np.testing.assert_allclose(shuffled, straight[order], rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_a_candidate_is_described_alike_without_the_others(self, kind: str) -> None:
        query, found = REQUESTS[kind], self.candidates(kind)
        few = np.arange(1, len(found), 7)
        whole = self.builder.build([query], [found]).values
        thinned = self.builder.build([query], [found.take(few)]).values
        # Products of another shape may sum in another order: float32 over tens of terms.
        np.testing.assert_allclose(thinned, whole[few], rtol=1e-4, atol=1e-5)

    def test_pages_are_described_together_as_one_by_one(self) -> None:
        pages = [self.candidates(kind) for kind in REQUESTS]
        together = self.builder.build(list(REQUESTS.values()), pages).values
        alone = [
            self.builder.build([query], [page]).values
            for query, page in zip(REQUESTS.values(), pages, strict=True)
        ]
        # Products of another shape may sum in another order: float32 over tens of terms.
        np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_no_candidates_are_no_rows(self, kind: str) -> None:
        built = self.builder.build([REQUESTS[kind]], [no_candidates(self.engine.source_names)])
        assert built.values.shape == (0, len(self.builder.names))


class TestTwoStageFeed(FeatureBuilderContract):
    engine = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig())


class TestPopularFeed(FeatureBuilderContract):
    engine = popular_feed(WORLD.catalogue, WORLD.learned, FeedConfig())
