"""An explanation agrees with the page it explains, stage by stage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ranking.assembly import FeedConfig, assemble
from ranking.explanation import explain
from ranking.model import FeedQuery
from ranking.rankers.fusion import FusionRanker
from tests.support.worlds import listener_of, query_of, tiny_world

WORLD = tiny_world()
ENGINE = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig())
QUERY = query_of(listener_of(WORLD, 1))


def test_every_slot_of_the_page_is_explained_as_it_was_ranked() -> None:
    page = ENGINE.serve(QUERY)
    for position, row in enumerate(page.feed.rows.tolist()):
        found = explain(ENGINE, QUERY, row)
        assert found.position == position
        assert found.is_eligible
        assert found.is_offered
        assert found.score == page.feed.scores[position]
        assert found.rank == page.trace.candidates.rows.tolist().index(row)
        assert found.ranked == len(page.trace.candidates)


def test_sources_are_quoted() -> None:
    row = int(ENGINE.serve(QUERY).feed.rows[0])
    found = explain(ENGINE, QUERY, row)
    for offering in ENGINE.offerings:
        offer = offering.source.fetch(QUERY, offering.limit)
        word = found.offers[offering.source.name]
        assert word.offered == len(offer)
        at = offer.rows.tolist().index(row) if row in offer.rows else None
        assert word.rank == at
        assert word.score == (None if at is None else offer.scores[at])


def test_a_refused_track_is_named_with_its_filter_and_ranked_all_the_same() -> None:
    shown = ENGINE.serve(QUERY).feed.rows
    row = int(shown[0])
    found = explain(ENGINE, replace(QUERY, exclude=shown[:1]), row)
    assert [name for name, allows in found.allowed.items() if not allows] == ["excluded"]
    assert not found.is_eligible
    assert found.position is None
    assert found.ranked > found.rank >= 0


def test_a_track_that_nobody_offers_is_taken_along() -> None:
    cut = tuple(replace(one, limit=1) for one in ENGINE.offerings)
    engine = replace(ENGINE, offerings=cut)
    offered = {int(r) for one in cut for r in one.source.fetch(QUERY, 1).rows}
    row = next(r for r in range(len(WORLD.catalogue)) if r not in offered)
    found = explain(engine, QUERY, row)
    assert not found.is_offered
    assert found.position is None
    ranks = [name.startswith("rank_") for name in found.features.names]
    assert np.isnan(found.features.values[0, ranks]).all()
    assert found.score == 0  # fusion has nothing to add up


def test_a_page_is_the_same_whether_or_not_it_is_explained() -> None:
    query: FeedQuery = query_of(listener_of(WORLD, 2))
    page = ENGINE.serve(query)
    explained = explain(ENGINE, query, int(page.feed.rows[-1])).page
    np.testing.assert_array_equal(page.feed.rows, explained.feed.rows)
