"""Heads are trained from logged pages, through the same door as any ranker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError
from core.events import Action
from pipelines.fitting import Audio, FactorsConfig
from pipelines.history import History
from pipelines.job import Silent
from pipelines.ranker_training.train_ranker import RankerTrainingConfig, learn_ranker
from ranking.assembly import FeedConfig, assemble
from ranking.rankers.head_training import HeadsConfig
from ranking.rankers.heads import HeadsRanker
from ranking.rankers.outcomes import HeadConfig
from ranking.rankers.training import RankerConfig
from tests.contracts.listeners import requests_of
from tests.support.shown_log import shown_history
from tests.support.worlds import tiny_world

WORLD = tiny_world()
HEADS = HeadsConfig(
    heads=(
        HeadConfig(name="skip", actions=(Action.SKIP,), weight=-1.0),
        HeadConfig(name="back", from_hours=0.1, until_hours=0.4, weight=0.5),
        HeadConfig(name="never", actions=(Action.REMIX,), until_hours=0.001),
    )
)
TRAINING = RankerTrainingConfig(
    objective="heads",
    heads=HEADS,
    windows=2,
    window_days=2,
    trees=RankerConfig(trees=10, threads=1, min_leaf_rows=10, validation_share=0.4),
)


def trained(history: History) -> tuple[HeadsRanker, dict[str, float]]:
    ranker, metrics = learn_ranker(
        history,
        WORLD.catalogue,
        Audio(WORLD.learned.vectors, WORLD.learned.index),
        factors=FactorsConfig(),
        training=TRAINING,
        feed=FeedConfig(),
        seed=3,
        preferences={},
        progress=Silent(),
    )
    assert isinstance(ranker, HeadsRanker)
    return ranker, metrics


@pytest.fixture(scope="module")
def history() -> History:
    return shown_history(WORLD.catalogue, pages=800, minutes=5 * 24 * 60)


def test_heads_are_learned_from_the_slots_of_the_windows(history: History, tmp_path: Path) -> None:
    ranker, metrics = trained(history)
    assert set(ranker.outcomes) >= {"skip", "back"}
    assert 0 < metrics["rows"] < history.impressions.height  # what came before is history
    ranker.save(tmp_path)
    feed = assemble(WORLD.catalogue, WORLD.learned, HeadsRanker.load(tmp_path), FeedConfig())
    page = feed.serve(requests_of(WORLD)["warm"])
    assert not page.trace.degraded
    assert "p_skip" in page.trace.features.names
    assert np.isfinite(page.trace.candidates.scores).all()


def test_without_pages_it_is_said_what_to_do(history: History) -> None:
    unseen = History(history.events, history.plays, history.user_tags, history.impressions.clear())
    with pytest.raises(DataError, match="objective = 'lambdarank'"):
        trained(unseen)
