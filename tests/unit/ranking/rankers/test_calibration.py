"""Calibration gives probabilities that come true, and never changes an order."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from ranking.rankers.calibration import POSITIVES_A_BIN, fit_calibration, shifted


def test_thinned_negatives_are_put_back_exactly() -> None:
    # Odds with a fifth of the negatives are five times too high: 1:1 was 1:5.
    calibration = shifted(float(np.log(0.2)))
    found = calibration.probabilities(np.zeros(1, np.float32))
    np.testing.assert_allclose(found, [1 / 6], rtol=1e-6)


def test_what_is_overconfident_becomes_what_happens() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(-2.0, 1.0, 60_000)
    happened = rng.random(truth.size) < expit(truth)
    share = 0.25
    raw = (2.0 * truth + 0.7 - np.log(share)).astype(np.float32)  # stretched, shifted, thinned
    half = truth.size // 2
    calibration = fit_calibration(raw[:half], happened[:half], share)
    found = calibration.probabilities(raw[half:])
    # A bin of 40 positives is off by 16 %; 50 bins are averaged.
    assert np.abs(found - expit(truth[half:])).mean() < 0.01
    assert np.abs(expit(raw[half:] + np.log(share)) - expit(truth[half:])).mean() > 0.05


def test_the_order_of_scores_stays_and_ends_are_not_flat() -> None:
    rng = np.random.default_rng(6)
    raw = np.sort(rng.normal(0, 2, 5_000))
    happened = rng.random(raw.size) < expit(-raw)  # even where outcomes run against the scores
    calibration = fit_calibration(raw, happened, 1.0)
    wide = np.linspace(raw[0] - 3, raw[-1] + 3, 500)
    assert (np.diff(calibration.probabilities(wide.astype(np.float32)).astype(float)) > 0).all()


@pytest.mark.parametrize("positives", [0, POSITIVES_A_BIN - 1, 200])
def test_too_little_or_only_one_kind_is_a_shift(positives: int) -> None:
    happened = np.zeros(200, bool)
    happened[:positives] = True
    calibration = fit_calibration(np.linspace(-1, 1, 200), happened, 0.5)
    np.testing.assert_array_equal(calibration.log_odds, [np.log(0.5)])
    assert calibration.raw.tolist() == [0.0]
