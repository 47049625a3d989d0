"""A feed weighs outcomes by itself, and its log keeps what was predicted."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ConfigError
from ranking.assembly import FeedConfig, assemble
from ranking.rankers.head_training import HeadsConfig, OutcomeData, train_heads
from ranking.rankers.heads import HeadsRanker
from ranking.rankers.outcomes import HeadConfig
from ranking.rankers.training import RankerConfig
from tests.contracts.listeners import requests_of
from tests.support.worlds import tiny_world

WORLD = tiny_world()


@pytest.fixture(scope="module")
def ranker() -> HeadsRanker:
    names = ("log_plays", "age_days")
    rng = np.random.default_rng(2)
    values = rng.uniform(0, 8, (600, 2)).astype(np.float32)
    data = OutcomeData(
        names,
        values,
        {"known": (values[:, 0] > 4).astype(np.float32), "new": (values[:, 1] < 4).astype("f4")},
        at_ms=np.arange(600),
        positions=np.full(600, np.nan, np.float32),
        weights=np.ones(600, np.float32),
    )
    heads = (HeadConfig(name="known", weight=1.0), HeadConfig(name="new", weight=0.0))
    trees = RankerConfig(trees=10, threads=1, validation_share=0.4, min_leaf_rows=10)
    return train_heads(data, HeadsConfig(heads=heads), trees, seed=1)[0]


def test_weights_of_the_feed_decide_the_order(ranker: HeadsRanker) -> None:
    query = requests_of(WORLD)["warm"]
    pages = {}
    for weights in ({}, {"known": 0.0, "new": 1.0}, {"known": -1.0}):
        feed = assemble(WORLD.catalogue, WORLD.learned, ranker, FeedConfig(value=weights))
        pages[str(weights)] = trace = feed.serve(query).trace
        assert not trace.degraded
        assert trace.features.names[-2:] == ("p_known", "p_new")
        known, new = trace.features.values[:, -2:].T
        total = weights.get("known", 1.0) * known + weights.get("new", 0.0) * new
        np.testing.assert_allclose(trace.candidates.scores, total, rtol=1e-6)
        assert (np.diff(trace.candidates.scores) <= 0).all()
    orders = {tuple(trace.candidates.rows) for trace in pages.values()}
    assert len(orders) == 3


def test_an_outcome_nobody_predicts_is_refused(ranker: HeadsRanker) -> None:
    with pytest.raises(ConfigError, match="finsh"):
        assemble(WORLD.catalogue, WORLD.learned, ranker, FeedConfig(value={"finsh": 1.0}))
