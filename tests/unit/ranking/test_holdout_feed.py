"""Who is held out gets no generated track by any path, and what was dropped is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranking.assembly import FeedConfig, assemble, popular_feed
from ranking.catalogue import Origin
from ranking.engine import Engine
from ranking.model import Listener
from ranking.rankers.fusion import FusionRanker
from tests.support.worlds import listener_of, query_of, tiny_world

WORLD = tiny_world()
GENERATED = WORLD.catalogue.origins == Origin.GENERATED


def engines(share: float) -> dict[str, Engine]:
    config = FeedConfig.model_validate({"generated": {"holdout_share": share}})
    whole = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), config)
    return {
        "feed": whole,
        "popular": popular_feed(WORLD.catalogue, WORLD.learned, config),
        "fallback": replace(whole, offerings=()),
    }


@pytest.mark.parametrize("kind", ["feed", "popular", "fallback"])
@pytest.mark.parametrize("listener", [Listener("u1"), listener_of(WORLD, 1)], ids=["cold", "warm"])
def test_a_held_out_listener_gets_no_generated_track(kind: str, listener: Listener) -> None:
    query = query_of(listener, 60)
    page = engines(1.0)[kind].serve(query)
    assert len(page.feed) > 20
    assert not GENERATED[page.feed.rows].any()
    assert not GENERATED[page.trace.candidates.rows].any()
    served = engines(0.0)[kind].serve(query)
    assert GENERATED[served.feed.rows].any()
    assert served.trace.drops["generated_holdout"] == 0
    if kind != "fallback":  # it counts nothing: it found nothing
        assert page.trace.drops["generated_holdout"] > 0


def test_where_all_was_generated_the_page_is_empty_rather_than_wrong() -> None:
    origins = np.full(len(WORLD.catalogue), Origin.GENERATED, dtype=np.int8)
    catalogue = replace(WORLD.catalogue, origins=origins)
    config = FeedConfig.model_validate({"generated": {"holdout_share": 1.0}})
    engine = assemble(catalogue, WORLD.learned, FusionRanker(), config)
    assert len(engine.serve(query_of(Listener("u1"), 10)).feed) == 0
