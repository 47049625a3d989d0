"""A replayed page is the page: slot by slot, draw by draw, probability by probability."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Status
from ranking.model import Candidates, FeedQuery
from ranking.policies.fresh import FreshSlotsConfig
from ranking.policies.page import NOBODY, OpenPage, PageConfig, PagePolicy
from ranking.policies.retrace import Retraced, draws_of, retrace
from ranking.rankers.fusion import FusionRanker
from tests.support.worlds import listener_of, query_of, tiny_world

WORLD = tiny_world(n_tracks=120, n_creators=40)
ENGINE = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig())
QUERY = query_of(listener_of(WORLD, 1), size=20)
RANKED = ENGINE.serve(QUERY).trace.candidates
EVEN = FreshSlotsConfig(share=0.1, temperature=1.0)


def opened(config: PageConfig, query: FeedQuery = QUERY, ranked: Candidates = RANKED) -> OpenPage:
    return OpenPage.of(query, ranked, WORLD.catalogue, WORLD.learned.vectors, config)


def arranged(config: PageConfig, seed: int, size: int = 20):  # type: ignore[no-untyped-def]
    """Return a served page and where its tracks stand among the candidates."""
    query = query_of(listener_of(WORLD, 1), size=size, seed=seed)
    policy = assemble(
        WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig(page=config)
    ).policy
    assert isinstance(policy, PagePolicy)
    feed = policy.arrange(query, RANKED)
    place = {row: at for at, row in enumerate(RANKED.rows.tolist())}
    return query, feed, np.array([place[row] for row in feed.rows.tolist()], dtype=np.int64)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    size=st.integers(1, 40),
    share=st.sampled_from([0.0, 0.1, 0.4]),
    gap=st.sampled_from([1, 3, 8]),
    cap=st.sampled_from([0.1, 0.5, 1.0]),
)
def test_the_policy_that_served_a_page_makes_it_again(
    seed: int, size: int, share: float, gap: int, cap: float
) -> None:
    fresh = FreshSlotsConfig(share=share, temperature=0.5)
    config = PageConfig(fresh=fresh, creator_gap=gap, generated_share=cap)
    query, feed, slots = arranged(config, seed, size)
    found = retrace(opened(config, query), slots[feed.is_fresh])
    assert found.is_possible
    np.testing.assert_array_equal(found.slots, slots)
    np.testing.assert_array_equal(found.is_fresh, feed.is_fresh)
    np.testing.assert_array_equal(found.propensities, feed.propensities)
    assert [one.propensity for one in found.draws] == feed.propensities[feed.is_fresh].tolist()


def chance(found: Retraced) -> float:
    return float(np.prod([one.propensity for one in found.draws]))


def test_the_chances_of_all_draws_add_up_to_one() -> None:
    config = PageConfig(fresh=EVEN, creator_gap=2)
    trial = np.flatnonzero(WORLD.catalogue.statuses[RANKED.rows] == Status.TRIAL)
    pairs = [np.array(pair) for pair in itertools.permutations(trial.tolist(), 2)]
    chances = [chance(retrace(opened(config), pair)) for pair in pairs]
    assert len(pairs) > 20
    assert sum(chances) == pytest.approx(1, abs=1e-5)  # each is rounded to 32 bits


def test_draws_that_another_policy_made_have_that_policy_s_chance_here() -> None:
    mild, eager = (
        PageConfig(fresh=EVEN.model_copy(update={"temperature": t}), creator_gap=1)
        for t in (1.0, 0.2)
    )
    query, feed, slots = arranged(mild, 5)
    found = retrace(opened(eager, query), slots[feed.is_fresh])
    first = found.draws[0]
    taste = RANKED.source_scores[:, RANKED.sources.index("fresh")].astype(float)
    raised = np.exp(taste[first.choices.pool] / 0.2)
    expected = raised / raised.sum()
    np.testing.assert_allclose(first.choices.chances, expected, rtol=1e-5)
    assert first.logged == slots[feed.is_fresh][0]
    at = first.choices.pool.tolist().index(first.logged)
    assert first.propensity == pytest.approx(expected[at], rel=1e-5)
    # What the temperature does not touch stays: the same draws make the same page.
    np.testing.assert_array_equal(found.slots, slots)


def test_a_draw_that_cannot_be_made_ends_the_page() -> None:
    config = PageConfig(fresh=EVEN)
    ordinary = int(np.flatnonzero(WORLD.catalogue.statuses[RANKED.rows] == Status.ACTIVE)[0])
    for logged in ([ordinary], [NOBODY], []):
        found = retrace(opened(config), np.array(logged, dtype=np.int64))
        assert not found.is_possible
        assert len(found.draws) == 1
        assert found.draws[0].propensity == 0
        assert found.draws[0].choices.pool.size > 2
        assert found.slots.size == found.is_fresh.size == found.propensities.size == 0
    without = retrace(opened(PageConfig(fresh=FreshSlotsConfig(share=0))), np.array([ordinary]))
    assert without.is_possible
    assert without.draws == ()
    assert without.slots.size == 20


def test_draws_come_as_often_as_they_are_told() -> None:
    config = PageConfig(fresh=EVEN.model_copy(update={"share": 0.05}), creator_gap=1)
    rng = np.random.default_rng(3)
    drawn = np.array([draws_of(opened(config), rng) for _ in range(400)])
    assert drawn.shape == (400, 1)
    choices = retrace(opened(config), drawn[0]).draws[0].choices
    shares = np.array([(drawn == one).mean() for one in choices.pool])
    spread = np.sqrt(choices.chances * (1 - choices.chances) / 400)
    assert np.all(np.abs(shares - choices.chances) <= 4.5 * spread)
