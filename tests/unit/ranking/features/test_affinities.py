"""Affinity features against values worked by hand or by brute force."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from embeddings.collaborative.confidence import confidence_of
from embeddings.collaborative.factors import AlsFactors, Ridge
from embeddings.collaborative.neighbours import ItemNeighbours
from ranking.features.audio import AudioAffinity
from ranking.features.co_listened import CoListenedAffinity
from ranking.features.collaborative import CollaborativeAffinity
from ranking.features.creators import CreatorAffinity
from ranking.features.offers import Offers
from ranking.features.repeats import Repeats
from ranking.features.tags import TagAffinity
from ranking.listeners.preference import preference_weights
from ranking.model import Candidates, FeedQuery, Listener, one_source
from tests.support.described import described

NOW_MS = 1_767_225_600_000
DAY_MS = 86_400_000


def listener(rows: list[int], plays: list[float], **columns: object) -> Listener:
    """Return a listener who met tracks a day apart, latest first."""
    n = len(rows)
    values: dict[str, object] = {
        "finishes": np.zeros(n, np.float32),
        "skips": np.zeros(n, np.float32),
        "opinions": np.zeros(n, np.int8),
        "last_at_ms": NOW_MS - DAY_MS * np.arange(1, n + 1),
        **columns,
    }
    return Listener(
        user_id="u", rows=np.array(rows, np.int64), plays=np.array(plays, np.float32), **values
    )


def query(who: Listener) -> FeedQuery:
    """Return a request of a listener."""
    return FeedQuery(listener=who, size=10, now_ms=NOW_MS, seed=1)


def candidates(*rows: int) -> Candidates:
    """Return candidates of one source, in the order given."""
    return one_source("popular", np.array(rows), -np.arange(len(rows), dtype=np.float32))


def column(family: object, who: Listener, name: str, *rows: int) -> np.ndarray:
    """Return one column of a family."""
    values = described(family, query(who), candidates(*rows))
    assert values.shape == (len(rows), len(family.names))
    return values[:, family.names.index(name)]


def test_collaborative_preference_is_the_folded_in_product() -> None:
    rng = np.random.default_rng(0)
    tracks = rng.normal(size=(6, 3)).astype(np.float32)
    tracks[5] = 0  # a track the factorisation does not know
    factors = AlsFactors(
        (), tuple("abcdef"), np.zeros((0, 3), np.float32), tracks, ridge=Ridge(0.5)
    )
    who = listener([0, 1], [4, 1])
    confidence = confidence_of(preference_weights(who), factors.confidence)
    taste = factors.fold_in(who.rows, confidence)
    family = CollaborativeAffinity(factors)
    found = column(family, who, "als_preference", 2, 3, 5)
    np.testing.assert_allclose(found[:2], tracks[[2, 3]] @ taste, rtol=1e-5)  # float32 products
    assert np.isnan(found[2])
    cosine = column(family, who, "als_cosine", 2, 3)
    lengths = np.linalg.norm(tracks[[2, 3]], axis=1) * np.linalg.norm(taste)
    np.testing.assert_allclose(cosine, tracks[[2, 3]] @ taste / lengths, rtol=1e-5)
    assert np.isnan(column(family, listener([], []), "als_preference", 2)).all()


def test_co_listened_sums_the_similarities_of_the_history() -> None:
    dense = np.array(
        [[0, 0.5, 0.2, 0], [0.5, 0, 0.4, 0.1], [0.2, 0.4, 0, 0], [0, 0.1, 0, 0]], np.float32
    )
    family = CoListenedAffinity(ItemNeighbours(tuple("abcd"), sp.csr_matrix(dense)))
    who = listener([0, 1], [3, 1])
    np.testing.assert_allclose(column(family, who, "knn_sum", 2, 3), [0.6, 0.1], rtol=1e-6)
    np.testing.assert_allclose(column(family, who, "knn_max", 2, 3), [0.4, 0.1], rtol=1e-6)
    worth = np.log1p(preference_weights(who))
    weighted = worth @ dense[:2] / worth.sum()
    np.testing.assert_allclose(column(family, who, "knn_weighted", 2, 3), weighted[2:], rtol=1e-6)
    np.testing.assert_array_equal(column(family, listener([], []), "knn_sum", 2, 3), [0, 0])


def test_a_skipped_history_pulls_nothing() -> None:
    family = CoListenedAffinity(
        ItemNeighbours(("a", "b"), sp.csr_matrix(np.array([[0, 1], [1, 0]], np.float32)))
    )
    skipped = listener([0], [1], skips=np.array([3], np.float32))
    assert column(family, skipped, "knn_sum", 1)[0] == 0


def test_audio_compares_with_the_latest_the_best_and_the_disliked() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 0]], np.float32)
    who = listener([0, 1], [1, 1])
    family = AudioAffinity(vectors)
    assert column(family, who, "audio_latest", 2)[0] == pytest.approx(0.6)
    assert column(family, who, "audio_max", 2)[0] == pytest.approx(0.8)
    assert column(family, who, "audio_mean", 2)[0] == pytest.approx(0.7)
    assert np.isnan(column(family, who, "audio_max", 3)[0])
    assert np.isnan(column(family, who, "audio_disliked", 2)[0])
    turned_down = listener([0, 1], [1, 1], opinions=np.array([-1, 0], np.int8))
    assert column(family, turned_down, "audio_disliked", 2)[0] == pytest.approx(0.6)
    assert column(family, turned_down, "audio_max", 2)[0] == pytest.approx(0.8)
    nothing = AudioAffinity(np.zeros((4, 0), np.float32))
    assert np.isnan(described(nothing, query(who), candidates(2))).all()


def test_tags_compare_with_the_profile_of_what_is_played() -> None:
    root = np.sqrt(0.5)
    tags = sp.csr_matrix(np.array([[1, 0], [0, 1], [root, root], [0, 0]], np.float32))
    family = TagAffinity(tags)
    who = listener([0], [5])
    np.testing.assert_allclose(
        column(family, who, "tag_cosine", 1, 2), [0, root], rtol=1e-6, atol=1e-9
    )
    assert np.isnan(column(family, who, "tag_cosine", 3)[0])
    np.testing.assert_array_equal(column(family, who, "tag_count", 1, 2, 3), [1, 2, 0])
    assert np.isnan(column(family, listener([], []), "tag_cosine", 1)[0])


def test_creators_share_counts_the_listeners_weight() -> None:
    family = CreatorAffinity(np.array([7, 7, 8, -1, 7]))
    who = listener([0, 2], [3, 1], followed=np.array([8]))
    np.testing.assert_allclose(column(family, who, "creator_share", 1, 2), [0.75, 0.25])
    np.testing.assert_array_equal(column(family, who, "creator_tracks", 4, 2), [1, 1])
    np.testing.assert_array_equal(column(family, who, "creator_followed", 1, 2), [0, 1])
    assert np.isnan(column(family, who, "creator_share", 3)[0])


def test_repeats_tell_what_happened_before_and_when() -> None:
    who = listener(
        [4, 2],
        [3, 1],
        finishes=np.array([2, 0], np.float32),
        last_at_ms=np.array([NOW_MS - 2 * DAY_MS, 0]),
        shown_rows=np.array([9, 4, 9]),
        shown_at_ms=np.array([NOW_MS, NOW_MS, NOW_MS]),
    )
    family = Repeats()
    np.testing.assert_allclose(
        column(family, who, "own_plays", 2, 4, 9), np.log1p([1, 3, 0]), rtol=1e-6
    )
    np.testing.assert_allclose(
        column(family, who, "own_finishes", 2, 4), np.log1p([0, 2]), rtol=1e-6
    )
    np.testing.assert_array_equal(
        column(family, who, "own_days_since", 2, 4, 9), [np.nan, 2, np.nan]
    )
    np.testing.assert_array_equal(column(family, who, "own_shown", 2, 4, 9), [0, 1, 2])


def test_offers_keep_their_columns_whatever_sources_answered() -> None:
    found = candidates(5, 3)
    values = described(Offers(("collaborative", "popular")), query(listener([], [])), found)
    np.testing.assert_array_equal(values, [[np.nan, 0, 1, np.nan, 0], [np.nan, 1, 1, np.nan, -1]])
