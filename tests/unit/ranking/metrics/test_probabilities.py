"""Metrics of probabilities against their definitions, ties and weights included."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.metrics.accuracy import ndcg
from ranking.metrics.probabilities import (
    auc,
    calibration_error,
    equal_bins,
    grouped_ndcg,
    log_losses,
    ranked,
)


@pytest.mark.parametrize("seed", range(4))
def test_auc_counts_pairs_and_weights_are_repetitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, happened = rng.integers(0, 8, 60).astype(float), rng.random(60) < 0.3
    weights = rng.integers(0, 3, 60)
    many, hits = np.repeat(scores, weights), np.repeat(happened, weights)
    above = many[hits][:, None] - many[~hits][None, :]
    expected = ((above > 0) + 0.5 * (above == 0)).mean()
    assert auc(*ranked(scores), happened, weights.astype(float)) == pytest.approx(expected)


def test_auc_of_one_kind_is_not_known() -> None:
    assert np.isnan(auc(*ranked(np.arange(3.0)), np.ones(3, bool), np.ones(3)))


def test_log_loss_is_the_likelihood_and_never_infinite() -> None:
    losses = log_losses(np.array([0.25, 0.25, 0.0]), np.array([True, False, True]))
    np.testing.assert_allclose(losses, [np.log(4), np.log(4 / 3), np.log(1e7)], rtol=1e-9)


def test_calibration_error_is_the_gap_of_equal_bins() -> None:
    p = np.repeat([0.1, 0.8], 50)
    happened = np.zeros(100, bool)
    happened[:10] = happened[50:80] = True  # 0.2 and 0.6: each bin is off by its gap
    numbers = equal_bins(p, bins=2)
    assert np.bincount(numbers).tolist() == [50, 50]
    assert calibration_error(numbers, p, happened, np.ones(100)) == pytest.approx(0.15)


def test_grouped_ndcg_is_that_of_each_mixed_group() -> None:
    rng = np.random.default_rng(2)
    groups = rng.integers(0, 12, 60)
    scores, happened = rng.normal(size=60), rng.random(60) < 0.4
    found, kept = grouped_ndcg(scores, happened, groups)
    for value, group in zip(found, kept, strict=True):
        mine = groups == group
        hits = happened[mine][np.argsort(-scores[mine])]
        assert value == pytest.approx(ndcg(hits, int(hits.sum()), hits.size))
    mixed = [g for g in range(12) if 0 < happened[groups == g].sum() < (groups == g).sum()]
    assert kept.tolist() == mixed


def test_equal_scores_share_their_places() -> None:
    found, _ = grouped_ndcg(np.zeros(2), np.array([True, False]), np.zeros(2, np.int64))
    assert found[0] == pytest.approx((1 + 1 / np.log2(3)) / 2)
