"""Thompson sampling: its probabilities are how often each belief draws the highest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from core.randomness import generator
from ranking.sources.beliefs import beliefs_of, no_evidence
from ranking.sources.thompson import win_probabilities

DRAWS = 200_000


@pytest.mark.parametrize("seed", range(4))
def test_probabilities_are_the_frequencies_of_the_highest_draw(seed: int) -> None:
    rng = generator(seed, "thompson")
    mean, deviation = rng.normal(0, 1.5, 12), rng.uniform(0.1, 1.2, 12)
    drawn = mean + deviation * rng.standard_normal((DRAWS, 12))
    frequency = np.bincount(drawn.argmax(axis=1), minlength=12) / DRAWS
    # 200,000 draws: standard error at most 0.0011
    np.testing.assert_allclose(win_probabilities(mean, deviation), frequency, atol=0.005)


def test_equal_beliefs_are_equally_likely_and_one_is_certain() -> None:
    np.testing.assert_allclose(win_probabilities(np.zeros(5), np.ones(5)), 0.2, atol=1e-9)
    assert win_probabilities(np.zeros(1), np.ones(1)).tolist() == [1.0]
    assert win_probabilities(np.zeros(0), np.ones(0)).size == 0


def test_what_is_sure_to_lose_keeps_a_positive_probability() -> None:
    chances = win_probabilities(np.array([0.0, -50.0]), np.array([0.1, 0.1]))
    assert chances[1] > 0
    assert chances.sum() == pytest.approx(1.0)


def test_two_beliefs_have_a_closed_form() -> None:
    """P(x > y) of two normals is that of their difference being positive."""
    from scipy.stats import norm

    for mean, deviation in (((0.3, -0.2), (0.5, 0.9)), ((2.0, 0.0), (1.0, 0.3))):
        expected = norm.cdf((mean[0] - mean[1]) / np.hypot(*deviation))
        found = win_probabilities(np.array(mean), np.array(deviation))
        assert found[0] == pytest.approx(expected, abs=2e-3)  # 96 steps over eight deviations


def test_beliefs_have_the_moments_of_the_log_odds_of_a_beta() -> None:
    rng = generator(1, "beta")
    finishes, others = np.array([2.0, 30.0, 5.0]), np.array([4.0, 10.0, 90.0])
    drawn = rng.beta(finishes, others, (DRAWS, 3))
    odds = np.log(drawn / (1 - drawn))
    found = beliefs_of(finishes, others, np.ones(3, dtype=bool))
    np.testing.assert_allclose(found.mean, odds.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(found.deviation, odds.std(axis=0), rtol=0.02)


def test_without_evidence_a_third_is_expected_of_every_track() -> None:
    beliefs = no_evidence(3)
    assert beliefs.open.all()
    assert (beliefs.mean == beliefs.mean[0]).all()
    assert expit(beliefs.mean[0]) == pytest.approx(1 / 3, abs=0.05)
