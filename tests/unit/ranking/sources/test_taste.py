"""What each source finds for a listener whose taste is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.events import DAY_MS
from embeddings.collaborative.confidence import confidence_of
from ranking.catalogue import Status
from ranking.listeners.preference import preference_weights
from ranking.listeners.repeats import RepeatConfig
from ranking.model import AiPreference, Listener, Preferences
from ranking.sources.beliefs import TrialBoard, beliefs_of, no_evidence
from ranking.sources.co_listened import CoListenedConfig, CoListenedSource
from ranking.sources.collaborative import CollaborativeConfig, CollaborativeSource
from ranking.sources.followed import FollowedConfig, FollowedSource
from ranking.sources.fresh import FreshConfig, FreshSource, nearness
from ranking.sources.popular import PopularConfig, PopularSource
from ranking.sources.shelf import Shelf, shelf
from ranking.sources.similar import SimilarConfig, SimilarSource, audio_seeds
from ranking.sources.thompson import win_probabilities
from ranking.supply.audience import Audience, listener_key, no_audience
from tests.support.worlds import NOW_MS, listener_of, query_of, tiny_world

WORLD = tiny_world(n_tracks=160)
CATALOGUE, LEARNED = WORLD.catalogue, WORLD.learned


def on_air(status: Status = Status.ACTIVE) -> Shelf:
    return shelf(CATALOGUE, status, RepeatConfig())


def offered_to(query, status: Status = Status.ACTIVE) -> np.ndarray:
    allowed = on_air(status).open_to(query).copy()
    allowed[on_air(status).skipped(query)] = False
    return np.flatnonzero(allowed)


def test_collaborative_is_the_dense_ranking_of_a_fold_in() -> None:
    listener = listener_of(WORLD, 2)
    query = query_of(listener)
    source = CollaborativeSource(on_air(), LEARNED.factors, CollaborativeConfig())
    found = source.fetch(query, 12)
    confidence = confidence_of(preference_weights(listener), LEARNED.factors.confidence)
    taste = LEARNED.factors.fold_in(listener.rows, confidence)
    scores = LEARNED.factors.tracks @ taste
    fitted = np.any(LEARNED.factors.tracks != 0, axis=1)
    allowed = [row for row in offered_to(query) if fitted[row]]
    expected = sorted(allowed, key=lambda row: (-scores[row], row))[:12]
    assert found.rows.tolist() == expected
    np.testing.assert_array_equal(found.scores, scores[expected])
    assert np.mean(WORLD.cluster[found.rows] == 2) > 0.9


def test_similar_is_the_best_weighted_cosine_to_any_seed() -> None:
    listener = listener_of(WORLD, 0, n_plays=6)
    query = query_of(listener)
    config = SimilarConfig(neighbours=160)
    found = SimilarSource(on_air(), LEARNED.vectors, LEARNED.index, config).fetch(query, 10)
    worth = np.where(listener.opinions > 0, 1.0, np.where(listener.finishes > 0, 0.95, 0.85))
    cosines = LEARNED.vectors @ LEARNED.vectors[listener.rows].T
    scores = (cosines * worth).max(axis=1)
    allowed = [row for row in offered_to(query) if row not in listener.rows]
    expected = sorted(allowed, key=lambda row: -scores[row])[:10]
    assert found.rows.tolist() == expected
    # faiss sums in another order: float32 over 8 terms.
    np.testing.assert_allclose(found.scores, scores[expected], rtol=1e-5)


def test_seeds_are_the_latest_that_speak_for_a_taste() -> None:
    listener = replace(
        listener_of(WORLD, 0, n_plays=6),
        opinions=np.array([0, -1, 0, 1, 0, 0], dtype=np.int8),
        plays=np.array([1, 1, 0, 0, 1, 1], dtype=np.float32),
        finishes=np.array([1, 1, 0, 0, 0, 0], dtype=np.float32),
    )
    seeds, worth = audio_seeds(query_of(listener), LEARNED.has_vector, SimilarConfig(seeds=3))
    assert seeds.tolist() == listener.rows[[0, 3, 4]].tolist()
    np.testing.assert_allclose(worth, [0.95, 1.0, 0.85])


def test_co_listened_sums_similarities_of_the_history() -> None:
    listener = listener_of(WORLD, 3)
    query = query_of(listener)
    source = CoListenedSource(on_air(), LEARNED.neighbours, CoListenedConfig(exponent=0.5))
    found = source.fetch(query, 10)
    weights = np.sqrt(preference_weights(listener))
    scores = LEARNED.neighbours.similarity[listener.rows].toarray().T @ weights
    allowed = [row for row in offered_to(query) if scores[row] > 0]
    expected = sorted(allowed, key=lambda row: (-scores[row], row))[:10]
    assert sorted(found.rows.tolist()) == sorted(expected)
    np.testing.assert_allclose(found.scores, scores[found.rows], rtol=1e-5)


def test_popular_is_the_same_order_for_everyone() -> None:
    source = PopularSource(on_air(), LEARNED.statistics, PopularConfig())
    everyone = source.fetch(query_of(Listener("cold")), 1000)
    recent = LEARNED.statistics.recent
    expected = sorted(offered_to(query_of(Listener("cold"))), key=lambda row: (-recent[row], row))
    assert everyone.rows.tolist() == expected
    warm = source.fetch(query_of(listener_of(WORLD, 1)), 1000)
    heard = listener_of(WORLD, 1).rows
    assert warm.rows.tolist() == [row for row in expected if row not in heard]


def test_heard_tracks_take_no_place_however_many_there_are() -> None:
    best = PopularSource(on_air(), LEARNED.statistics, PopularConfig()).order[:100]
    n = best.size
    listener = Listener(
        user_id="u",
        rows=best,
        plays=np.ones(n, np.float32),
        finishes=np.zeros(n, np.float32),
        skips=np.zeros(n, np.float32),
        opinions=np.zeros(n, np.int8),
        last_at_ms=np.full(n, NOW_MS - DAY_MS),
    )
    query = query_of(listener)
    skipping = PopularSource(on_air(), LEARNED.statistics, PopularConfig())
    keeping = PopularSource(on_air(), LEARNED.statistics, PopularConfig(skip_heard=False))
    assert not np.isin(skipping.fetch(query, 20).rows, best).any()
    assert len(skipping.fetch(query, 20)) == 20
    assert np.isin(keeping.fetch(query, 20).rows, best).all()


def test_a_listener_who_wants_no_ai_gets_a_full_offer_without_it() -> None:
    query = query_of(Listener("u", preferences=Preferences(ai=AiPreference.NONE, explicit=False)))
    found = PopularSource(on_air(), LEARNED.statistics, PopularConfig()).fetch(query, 40)
    assert len(found) == 40
    assert not (CATALOGUE.origins[found.rows] == 1).any()
    assert not CATALOGUE.explicit[found.rows].any()


def test_followed_offers_the_newest_of_each_creator() -> None:
    creators = np.array([2, 5])
    query = query_of(Listener("u", followed=creators))
    config = FollowedConfig(per_creator=3, half_life_days=10)
    found = FollowedSource(on_air(), CATALOGUE, config).fetch(query, 100)
    expected = []
    for creator in creators:
        own = np.flatnonzero(CATALOGUE.creator_rows == creator)
        own = [row for row in own if row in set(offered_to(query))]
        expected += sorted(own, key=lambda row: -CATALOGUE.released_at_ms[row])[:3]
    assert set(found.rows.tolist()) == set(expected)
    age_days = (NOW_MS - CATALOGUE.released_at_ms[found.rows]) / DAY_MS
    np.testing.assert_allclose(found.scores, 0.5 ** (age_days / 10), rtol=1e-6)


BOARD = TrialBoard(no_evidence(len(CATALOGUE)))
NOBODY_KNOWN = no_audience(len(CATALOGUE))


def fresh_source(board: TrialBoard, audience: Audience = NOBODY_KNOWN) -> FreshSource:
    return FreshSource(
        on_air(Status.TRIAL), CATALOGUE, LEARNED.vectors, audience, board, FreshConfig()
    )


def test_fresh_follows_taste_and_is_newest_for_the_cold() -> None:
    source = fresh_source(BOARD)
    listener = listener_of(WORLD, 1)
    warm = source.fetch(query_of(listener), 50)
    liked = LEARNED.vectors[listener.rows[preference_weights(listener) > 0]]
    alike = np.sort(LEARNED.vectors[warm.rows] @ liked.T, axis=1)[:, -FreshConfig().nearest :]
    near = FreshConfig().nearness * alike.mean(axis=1).astype(np.float64)
    expected = win_probabilities(near, np.full(near.size, BOARD.beliefs.deviation[0]))
    np.testing.assert_allclose(np.exp(warm.scores), expected, rtol=1e-5, atol=1e-12)
    own = WORLD.cluster[warm.rows] == 1
    assert own[: own.sum()].all()  # all of the own cluster come before any other
    cold = source.fetch(query_of(Listener("cold")), 50)
    assert np.all(np.diff(CATALOGUE.released_at_ms[cold.rows]) <= 0)
    assert np.exp(cold.scores).sum() == pytest.approx(1.0, abs=1e-5)


def test_who_loves_two_kinds_is_near_to_both_and_not_to_what_lies_between() -> None:
    liked = np.repeat(np.eye(3, dtype=np.float32)[:2], 5, axis=0)
    between = np.array([[1.0, 1.0, 0.0]], dtype=np.float32) / np.sqrt(2, dtype=np.float32)
    tracks = np.vstack([np.eye(3, dtype=np.float32), between])
    np.testing.assert_allclose(nearness(tracks, liked, 5), [1, 1, 0, np.sqrt(0.5)], atol=1e-6)
    np.testing.assert_allclose(nearness(tracks, liked[:1], 5), tracks[:, 0], atol=1e-6)


def test_fresh_leaves_out_trials_that_are_used_up_and_prefers_what_trials_praise() -> None:
    listener = Listener("cold")
    open_rows = fresh_source(BOARD).fetch(query_of(listener), 50).rows
    used_up, praised = int(open_rows[0]), int(open_rows[-1])
    finishes, others = np.full(len(CATALOGUE), 2.0), np.full(len(CATALOGUE), 4.0)
    finishes[praised], others[praised] = 40.0, 20.0
    is_open = np.arange(len(CATALOGUE)) != used_up
    board = TrialBoard(beliefs_of(finishes, others, is_open))
    source = fresh_source(board)
    found = source.fetch(query_of(listener), 50)
    assert used_up not in found.rows
    assert found.rows[0] == praised
    board.beliefs = beliefs_of(others, finishes, is_open)  # newer beliefs, without a new source
    assert source.fetch(query_of(listener), 50).rows[0] != praised


def test_what_was_turned_down_teaches_no_source() -> None:
    listener = listener_of(WORLD, 1)
    against = replace(listener, opinions=np.full(listener.rows.size, -1, dtype=np.int8))
    query = query_of(against)
    assert (
        len(CollaborativeSource(on_air(), LEARNED.factors, CollaborativeConfig()).fetch(query, 9))
        == 0
    )
    assert (
        len(CoListenedSource(on_air(), LEARNED.neighbours, CoListenedConfig()).fetch(query, 9)) == 0
    )
    similar = SimilarSource(on_air(), LEARNED.vectors, LEARNED.index, SimilarConfig())
    assert len(similar.fetch(query, 9)) == 0


def audience_for(appetites: dict[str, list[float]], segment_of: np.ndarray) -> Audience:
    """Two segments; of a thousand others every appetite is -1, below any floor."""
    names = sorted(appetites, key=listener_key)
    others = np.full((1000, 2), -1.0)
    return Audience(
        segment_ids=("segment-0000", "segment-0001"),
        keys=np.array([listener_key(name) for name in names], dtype=np.uint64),
        appetites=np.array([appetites[name] for name in names], dtype=np.float16),
        levels=np.percentile(
            np.vstack([others, np.zeros((700, 2))]), np.linspace(0, 100, 101), axis=0
        ).astype(np.float32),
        segment_of=segment_of,
    )


def test_trials_are_offered_to_those_with_appetite_for_their_segment_and_to_no_others() -> None:
    trial = np.flatnonzero(CATALOGUE.statuses == Status.TRIAL)
    segment_of = np.full(len(CATALOGUE), -1)
    segment_of[trial[0::3]], segment_of[trial[1::3]] = 0, 1  # a third belongs nowhere
    audience = audience_for({"one": [0.5, -0.5], "both": [0.2, 0.7]}, segment_of)
    source = fresh_source(BOARD, audience)
    found = source.fetch(query_of(Listener("one")), 50)
    offered = set(offered_to(query_of(Listener("one")), Status.TRIAL).tolist())
    assert set(found.rows.tolist()) == offered & set(trial[0::3]) | offered & set(trial[2::3])
    both = source.fetch(query_of(Listener("both")), 50)
    assert set(both.rows.tolist()) == offered
    wanted = np.array([0.2, 0.7, 0.0])[segment_of[both.rows]]
    mean = BOARD.beliefs.mean[both.rows] + FreshConfig().appetite * wanted
    made_for_both = np.isin(both.rows, np.concatenate([trial[0::3], trial[1::3]])).sum()
    expected = made_for_both * win_probabilities(mean, BOARD.beliefs.deviation[both.rows])
    assert made_for_both > 1
    # float16 keeps eleven bits of an appetite.
    np.testing.assert_allclose(np.exp(both.scores), expected, rtol=5e-3)
    stranger = source.fetch(query_of(Listener("stranger")), 50)
    assert set(stranger.rows.tolist()) == offered


def test_an_ordered_track_is_for_the_segment_it_was_ordered_for() -> None:
    row = int(offered_to(query_of(Listener("one")), Status.TRIAL)[0])
    segment_of = np.full(len(CATALOGUE), 0)
    audience = audience_for({"one": [-0.5, 0.5]}, segment_of)
    assert not len(fresh_source(BOARD, audience).fetch(query_of(Listener("one")), 50))
    n = len(CATALOGUE)
    aimed = beliefs_of(
        np.full(n, 2.0), np.full(n, 4.0), np.ones(n, dtype=np.bool_), {row: "segment-0001"}
    )
    source = fresh_source(TrialBoard(aimed), audience)
    assert source.fetch(query_of(Listener("one")), 50).rows.tolist() == [row]
