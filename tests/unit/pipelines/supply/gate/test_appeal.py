"""Predicted appeal: against worlds whose truth is drawn, and where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from embeddings.vectors import unit_rows
from pipelines.supply.gate.appeal import Earned, fallback, fit_appeal
from pipelines.supply.gate.configuration import AppealConfig

CONFIG = AppealConfig(min_tracks=20)


def drawn_world(seed: int, n: int = 400, left_over: float = 0.2):
    """Return vectors, tags, true rates and counts of tracks that sound and tags decide in part."""
    rng = np.random.default_rng(seed)
    vectors = unit_rows(rng.normal(size=(n, 8)))
    rock = rng.random(n) < 0.5
    odds = -1.0 + vectors @ rng.normal(0, 1.5, 8) + 0.5 * rock + rng.normal(0, left_over, n)
    rates = special.expit(odds)
    shown = rng.integers(50, 400, n)
    tags = [("rock",) if each else ("folk",) for each in rock]
    ids = tuple(f"t{row:03d}" for row in range(n))
    return vectors, tags, rates, Earned(ids, shown, rng.binomial(shown, rates))


def test_new_tracks_are_predicted_and_the_interval_holds_what_it_says():
    inside, errors, naive = [], [], []
    for seed in range(4):
        vectors, tags, rates, earned = drawn_world(seed)
        old = np.arange(300)
        model = fit_appeal(earned.taken(old), vectors[:300], tags[:300], CONFIG)
        assert model is not None
        found = model.predict(vectors[300:], tags[300:])
        inside += [a.low <= r <= a.high for a, r in zip(found, rates[300:], strict=True)]
        errors += [abs(a.mean - r) for a, r in zip(found, rates[300:], strict=True)]
        naive += np.abs(earned.rate - rates[300:]).tolist()
    assert np.mean(errors) < 0.4 * np.mean(naive)
    # 400 tracks of 4 worlds: a standard error of 0.02, and the tracks of a world err together
    assert np.mean(inside) == pytest.approx(0.8, abs=0.06)


def test_the_prior_for_trials_has_the_mean_and_spread_of_the_prediction():
    vectors, tags, _, earned = drawn_world(1)
    model = fit_appeal(earned, vectors, tags, CONFIG)
    assert model is not None
    for each in model.predict(vectors[:20], tags[:20]):
        prior = stats.beta(each.finishes, each.skips)
        assert prior.mean() == pytest.approx(each.mean)
        assert prior.cdf(each.low) == pytest.approx(0.1, abs=0.03)
        assert prior.cdf(each.high) == pytest.approx(0.9, abs=0.03)


def test_a_track_unlike_all_others_gets_a_wider_interval():
    vectors, tags, _, earned = drawn_world(2, n=100)
    flat = vectors.copy()
    flat[:, -1] = 0.0  # nothing was ever heard along the last direction
    flat = unit_rows(flat)
    model = fit_appeal(earned, flat, tags, CONFIG)
    assert model is not None
    strange = np.eye(8, dtype=np.float32)[-1:]
    known, unknown = model.predict(np.concatenate([flat[:1], strange]), [tags[0], tags[0]])
    assert unknown.high - unknown.low > known.high - known.low


def test_too_few_tracks_or_impressions_give_no_model():
    vectors, tags, _, earned = drawn_world(3, n=19)
    assert fit_appeal(earned, vectors, tags, CONFIG) is None
    rare = Earned(earned.track_ids, np.full(19, 5), np.ones(19, dtype=np.int64))
    assert fit_appeal(rare, vectors, tags, AppealConfig(min_tracks=10)) is None


def test_without_a_model_the_mean_is_told_with_a_wide_interval():
    found = fallback(0.3, "segment")
    assert (found.mean, found.basis) == (0.3, "segment")
    assert found.finishes + found.skips == 4.0
    assert found.high - found.low > 0.5
    nothing = fallback(float("nan"), "catalogue")
    assert (nothing.finishes, nothing.skips, nothing.basis) == (1.0, 1.0, "nothing")
    assert (nothing.low, nothing.high) == pytest.approx((0.1, 0.9))
