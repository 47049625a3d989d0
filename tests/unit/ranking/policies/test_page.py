from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Origin, Status
from ranking.model import Candidates, Feed, Listener
from ranking.policies.fresh import FreshSlotsConfig
from ranking.policies.page import PageConfig, PagePolicy
from ranking.rankers.fusion import FusionRanker
from tests.support.worlds import TinyWorld, listener_of, nothing_learned, query_of, tiny_world

WORLD = tiny_world(n_tracks=120, n_creators=40)
PLAIN = PageConfig(fresh=FreshSlotsConfig(share=0), creator_gap=1, diversity=0, generated_share=1)


def policy(config: PageConfig, world: TinyWorld = WORLD) -> PagePolicy:
    engine = assemble(world.catalogue, world.learned, FusionRanker(), FeedConfig(page=config))
    assert isinstance(engine.policy, PagePolicy)
    return engine.policy


def ranked(rows: np.ndarray, scores: np.ndarray | None = None) -> Candidates:
    """Return candidates in the order given; trial tracks with a taste score."""
    if scores is None:
        scores = np.linspace(1, 0, rows.size)
    trial = WORLD.catalogue.statuses[rows] == Status.TRIAL
    columns = np.full((rows.size, 2), np.nan, dtype=np.float32)
    columns[~trial, 0] = 1.0
    columns[trial, 1] = np.linspace(0.9, 0.1, int(trial.sum()))
    return Candidates(
        rows.astype(np.int64), scores.astype(np.float32), ("popular", "fresh"), columns, columns
    )


EVERYTHING = ranked(np.random.default_rng(2).permutation(len(WORLD.catalogue)))
ACTIVE = EVERYTHING.take(WORLD.catalogue.statuses[EVERYTHING.rows] == Status.ACTIVE)


def arranged(
    config: PageConfig, found: Candidates = EVERYTHING, size: int = 20, **more: object
) -> Feed:
    return policy(config).arrange(query_of(Listener("u"), size, **more), found)  # type: ignore[arg-type]


def test_without_wishes_the_page_is_the_ranking() -> None:
    feed = arranged(PLAIN)
    assert feed.rows.tolist() == ACTIVE.rows[:20].tolist()
    assert (feed.propensities == 1).all()
    assert not feed.is_fresh.any()
    assert set(feed.sources) == {"popular"}


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    size=st.integers(1, 60),
    share=st.sampled_from([0.0, 0.1, 0.3, 1.0]),
    diversity=st.sampled_from([0.0, 0.2, 1.0]),
)
def test_trial_tracks_stand_in_fresh_slots_only(
    seed: int, size: int, share: float, diversity: float
) -> None:
    config = PageConfig(fresh=FreshSlotsConfig(share=share), diversity=diversity, generated_share=1)
    feed = arranged(config, size=size, seed=seed)
    trial = WORLD.catalogue.statuses[feed.rows] == Status.TRIAL
    np.testing.assert_array_equal(trial, feed.is_fresh)
    assert len(feed) == min(size, len(ACTIVE) + feed.is_fresh.sum())
    assert not feed.is_fresh[0]
    assert (feed.propensities[~feed.is_fresh] == 1).all()
    if share == 0:
        assert not trial.any()
    elif size >= 10:
        assert trial.any()


def test_a_draw_s_propensity_is_the_softmax_of_those_still_eligible() -> None:
    config = PageConfig(
        fresh=FreshSlotsConfig(share=0.1, temperature=0.5), creator_gap=1, generated_share=1
    )
    trial = EVERYTHING.take(WORLD.catalogue.statuses[EVERYTHING.rows] == Status.TRIAL)
    taste = dict(zip(trial.rows.tolist(), trial.source_scores[:, 1].astype(float), strict=True))
    seen = set()
    for seed in range(20):
        feed = arranged(config, seed=seed)
        left = dict(taste)
        for at in np.flatnonzero(feed.is_fresh):
            chances = {row: np.exp(score / 0.5) for row, score in left.items()}
            row = int(feed.rows[at])
            expected = chances[row] / sum(chances.values())
            assert feed.propensities[at] == pytest.approx(expected, rel=1e-5)  # float32
            seen.add(row)
            del left[row]
    assert len(seen) > 3  # chance does decide


def test_creators_keep_their_distance_also_to_the_last_page() -> None:
    gap = 4
    shown = np.array([5, 17, 30], dtype=np.int64)
    listener = Listener("u", shown_rows=shown, shown_at_ms=np.ones(3, dtype=np.int64))
    config = PageConfig(creator_gap=gap, diversity=0.3)
    feed = policy(config).arrange(query_of(listener, 20), EVERYTHING)
    creators = WORLD.catalogue.creator_rows[np.concatenate([shown[::-1], feed.rows])]
    for start in range(creators.size - gap + 1):
        window = creators[start : start + gap]
        if start >= 3 - (gap - 1):
            known = window[window >= 0]
            assert np.unique(known).size == known.size


def test_spacing_gives_way_before_a_slot_stays_empty() -> None:
    catalogue = WORLD.catalogue
    creator = np.bincount(catalogue.creator_rows[catalogue.creator_rows >= 0]).argmax()
    own = ACTIVE.take(catalogue.creator_rows[ACTIVE.rows] == creator)
    feed = arranged(PageConfig(creator_gap=10, generated_share=1, diversity=0), own)
    assert feed.rows.tolist() == own.rows.tolist()


def test_the_generated_share_is_capped_with_fresh_slots_counted() -> None:
    generated = WORLD.catalogue.origins == Origin.GENERATED
    for seed in range(10):
        config = PageConfig(fresh=FreshSlotsConfig(share=0.3), generated_share=0.2)
        feed = arranged(config, seed=seed)
        assert generated[feed.rows].sum() <= 4
        assert len(feed) == 20
    first = np.argsort(~generated[ACTIVE.rows], kind="stable")
    capped = arranged(replace_share(0.2), ACTIVE.take(first))
    assert generated[capped.rows].sum() == 4
    assert generated[arranged(replace_share(0.0), ACTIVE.take(first)).rows].sum() == 0


def replace_share(share: float) -> PageConfig:
    return PLAIN.model_copy(update={"generated_share": share})


def test_the_cap_gives_way_before_a_slot_stays_empty() -> None:
    generated = ACTIVE.take(WORLD.catalogue.origins[ACTIVE.rows] == Origin.GENERATED)
    feed = arranged(replace_share(0.1), generated, size=10)
    assert feed.rows.tolist() == generated.rows[:10].tolist()


def test_diversity_trades_score_for_another_sound() -> None:
    def mean_cosine(feed: Feed) -> float:
        vectors = WORLD.learned.vectors[feed.rows]
        return float((vectors @ vectors.T).mean())

    order = np.argsort(WORLD.cluster[ACTIVE.rows], kind="stable")
    clustered = ranked(ACTIVE.rows[order])
    plain = arranged(PLAIN, clustered, size=15)
    diverse = arranged(PLAIN.model_copy(update={"diversity": 0.5}), clustered, size=15)
    assert diverse.rows[0] == plain.rows[0]
    assert mean_cosine(diverse) < mean_cosine(plain) - 0.1


def test_the_second_slot_is_the_best_marginal_relevance() -> None:
    config = PLAIN.model_copy(update={"diversity": 0.4})
    feed = arranged(config, ACTIVE, size=2)
    low = ACTIVE.scores[7]
    relevant = 1 - (ACTIVE.scores[0] - ACTIVE.scores) / (ACTIVE.scores[0] - low)
    cosine = WORLD.learned.vectors[ACTIVE.rows] @ WORLD.learned.vectors[ACTIVE.rows[0]]
    worth = 0.6 * relevant - 0.4 * np.maximum(cosine, 0)
    worth[0] = -np.inf
    assert feed.rows[1] == ACTIVE.rows[np.argmax(worth)]


def test_where_only_trial_tracks_are_left_they_fill_the_page() -> None:
    trial = EVERYTHING.take(WORLD.catalogue.statuses[EVERYTHING.rows] == Status.TRIAL)
    feed = arranged(PageConfig(), trial, size=5)
    assert len(feed) == 5
    assert feed.is_fresh.all()


def test_few_candidates_leave_no_gap() -> None:
    trial = EVERYTHING.take(WORLD.catalogue.statuses[EVERYTHING.rows] == Status.TRIAL)
    few = ranked(np.concatenate([ACTIVE.rows[:3], trial.rows]))
    feed = arranged(PageConfig(generated_share=1, fresh=FreshSlotsConfig(most=0)), few, size=20)
    assert len(feed) == 5  # three and two fresh slots
    assert feed.is_fresh.tolist().count(True) == 2
    assert not feed.is_fresh[0]


def test_another_seed_changes_fresh_slots_only() -> None:
    config = PageConfig(creator_gap=1, diversity=0, generated_share=1)
    pages = [arranged(config, seed=seed) for seed in range(8)]
    ordinary = {tuple(page.rows[~page.is_fresh].tolist()) for page in pages}
    fresh = {tuple(page.rows[page.is_fresh].tolist()) for page in pages}
    assert len(ordinary) == 1
    assert len(fresh) > 1


def test_reasons_name_the_listener_s_own_tracks() -> None:
    listener = listener_of(WORLD, 1)
    engine = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig())
    feed = engine.serve(query_of(listener, 20)).feed
    own = set(WORLD.catalogue.tracks.take(listener.rows))
    by_source = dict(zip(feed.sources, feed.reasons, strict=True))
    assert by_source["collaborative"] == "listeners_like_you"
    assert by_source["fresh"] == "new_for_you"
    assert len(by_source) > 3
    for source, reason in zip(feed.sources, feed.reasons, strict=True):
        code, _, seed = reason.partition(":")
        if source == "similar":
            assert code == "similar_to"
            assert seed in own
        if source == "co_listened":
            assert code == "often_heard_together"
            assert seed in own


def test_a_cold_listener_s_reasons_name_nobody() -> None:
    engine = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig())
    feed = engine.serve(query_of(Listener("cold"), 20)).feed
    assert set(feed.reasons) == {"popular_now", "new_for_you"}


def test_the_page_needs_no_vectors() -> None:
    learned = replace(WORLD.learned, vectors=np.zeros((len(WORLD.catalogue), 0), np.float32))
    world = replace(WORLD, learned=learned)
    feed = policy(PageConfig(), world).arrange(query_of(Listener("u"), 10), EVERYTHING)
    assert len(feed) == 10


def test_one_generated_trial_track_is_better_than_an_empty_page() -> None:
    trial = WORLD.catalogue.statuses[EVERYTHING.rows] == Status.TRIAL
    generated = WORLD.catalogue.origins[EVERYTHING.rows] == Origin.GENERATED
    only = EVERYTHING.take(np.flatnonzero(trial & generated)[:1])
    assert len(only) == 1
    feed = arranged(PageConfig(generated_share=0), only, size=10)
    assert feed.rows.tolist() == only.rows.tolist()


def test_a_track_nobody_played_is_not_called_popular() -> None:
    learned = nothing_learned(WORLD.catalogue)
    engine = assemble(WORLD.catalogue, learned, FusionRanker(), FeedConfig())
    feed = engine.serve(query_of(Listener("cold"), 20)).feed
    assert set(feed.reasons) == {"not_played_yet", "new_for_you"}
