from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from ranking.assembly import SOURCES, FeedConfig, assemble, popular_feed
from ranking.catalogue import Status
from ranking.protocols import (
    CandidateFilter,
    CandidateSource,
    FeatureBuilder,
    FeedPolicy,
    Ranker,
)
from ranking.rankers.fusion import FusionRanker
from tests.support.worlds import listener_of, query_of, tiny_world

WORLD = tiny_world()


def test_a_feed_is_made_of_the_five_parts() -> None:
    engine = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig())
    assert all(isinstance(one.source, CandidateSource) for one in engine.offerings)
    assert all(isinstance(one, CandidateFilter) for one in engine.filters)
    assert isinstance(engine.features, FeatureBuilder)
    assert isinstance(engine.ranker, Ranker)
    assert isinstance(engine.policy, FeedPolicy)
    assert engine.source_names == SOURCES


def test_limits_come_from_the_configuration() -> None:
    config = FeedConfig.model_validate({"popular": {"limit": 3}, "similar": {"limit": 0}})
    engine = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), config)
    found = engine.serve(query_of(listener_of(WORLD, 1))).trace.found
    assert found["popular"] == 3
    assert found["similar"] == 0
    assert engine.source_names == SOURCES


@pytest.mark.parametrize(
    "section",
    [{"sizes": 3}, {"page": {"diversity": 2}}, {"size": 0}, {"repeats": {"default": {"x": 1}}}],
)
def test_a_mistyped_or_impossible_setting_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FeedConfig.model_validate(section)


def test_the_control_arm_is_popularity_under_the_same_filters() -> None:
    listener = listener_of(WORLD, 1)
    config = FeedConfig.model_validate({"page": {"creator_gap": 1, "generated_share": 1.0}})
    engine = popular_feed(WORLD.catalogue, WORLD.learned, config)
    page = engine.serve(query_of(listener, 30))
    assert set(page.feed.sources) == {"popular"}
    assert set(page.feed.reasons) == {"popular_now"}
    assert not page.feed.is_fresh.any()
    assert (WORLD.catalogue.statuses[page.feed.rows] == Status.ACTIVE).all()
    assert not np.isin(page.feed.rows, listener.rows).any()
    recent = WORLD.learned.statistics.recent[page.feed.rows]
    assert np.all(np.diff(recent) <= 0)
    full = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), config)
    assert {one.name for one in engine.filters} == {one.name for one in full.filters}
