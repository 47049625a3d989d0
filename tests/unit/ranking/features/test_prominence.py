"""A standing is a standard score over the whole catalogue."""

from __future__ import annotations

import numpy as np

from embeddings.collaborative.confidence import confidence_of, relative
from ranking.features.prominence import Prominence, standard
from ranking.listeners.preference import preference_weights
from ranking.merging import no_candidates
from ranking.model import Candidates, Listener, one_source
from tests.support.described import described
from tests.support.worlds import listener_of, query_of, tiny_world

WORLD = tiny_world()
LEARNED = WORLD.learned
FAMILY = Prominence(LEARNED.factors, LEARNED.autoencoder, LEARNED.statistics.listeners)


def everything() -> Candidates:
    rows = np.arange(len(WORLD.catalogue), dtype=np.int64)
    return one_source("popular", rows, np.zeros(rows.size, dtype=np.float32))


def z(scores: np.ndarray) -> np.ndarray:
    return (scores - scores.mean()) / scores.std()


def test_each_column_is_the_standard_score_of_dense_scores() -> None:
    listener = listener_of(WORLD, 1)
    built = described(FAMILY, query_of(listener), everything())
    weights = preference_weights(listener).astype(float)
    sure = confidence_of(weights, LEARNED.factors.confidence)
    taste = LEARNED.factors.fold_in(listener.rows, sure).astype(float)
    # float32 sums over a hundred tracks.
    np.testing.assert_allclose(built[:, 0], z(LEARNED.factors.tracks @ taste), atol=1e-4)
    worth = relative(weights, np.array([0, weights.size]))
    foretold = worth @ LEARNED.autoencoder.similarity[listener.rows].toarray()
    np.testing.assert_allclose(built[:, 1], z(foretold), atol=1e-4)
    np.testing.assert_allclose(built[:, 2], z(np.log1p(LEARNED.statistics.listeners)), atol=1e-4)


def test_a_cold_listener_has_no_standings_but_popularity() -> None:
    built = described(FAMILY, query_of(Listener("cold")), everything())
    assert np.isnan(built[:, :2]).all()
    assert not np.isnan(built[:, 2]).any()


def test_where_all_are_alike_nothing_stands_out() -> None:
    assert np.isnan(standard(np.ones(5, dtype=np.float32))).all()
    assert standard(np.empty(0, dtype=np.float32)).shape == (0,)
    empty = no_candidates(("popular",))
    assert described(FAMILY, query_of(Listener("cold")), empty).shape == (0, 3)
