"""Power, size and minimal effect are one equation, and it is tea-tasting's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from tea_tasting.aggr import Aggregates
from tea_tasting.metrics import Mean

from core.errors import ExperimentError
from pipelines.experiments.statistics.aggregates import Aggregate, aggregate_listeners
from pipelines.experiments.statistics.power import (
    Days,
    PowerConfig,
    days_needed,
    listeners_needed,
    minimal_effect,
    power_of,
)

PAST = Aggregate(n=10_000, mean=5.0, variance=9.0)


def test_size_and_minimal_effect_are_the_textbooks() -> None:
    needed = (special.ndtri(0.975) + special.ndtri(0.8)) ** 2 * 9.0 * 4 / 0.1**2
    assert listeners_needed(PAST, 0.1) == pytest.approx(needed, abs=1)
    assert power_of(PAST, 0.1, needed) == pytest.approx(0.8, abs=1e-9)
    assert power_of(PAST, -0.1, needed) == pytest.approx(0.8, abs=1e-9)
    assert minimal_effect(PAST, needed) == pytest.approx(0.1, rel=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_power_is_tea_tastings(share: float) -> None:
    metric = Mean("value", effect_size=0.1, n_obs=20_000, ratio=share / (1 - share), use_t=False)
    tea = Aggregates(count_=PAST.n, mean_={"value": PAST.mean}, var_={"value": PAST.variance})
    expected = metric.solve_power_from_aggregates(tea, "power")[0].power
    found = power_of(PAST, 0.1, 20_000, PowerConfig(treatment_share=share))
    assert found == pytest.approx(expected, abs=1e-3)


def test_a_ratio_with_a_covariate_needs_what_its_variance_says() -> None:
    rng = np.random.default_rng(3)
    plays = rng.poisson(6, 4000) + 1.0
    finishes = rng.binomial(plays.astype(int), 0.4).astype(float)
    past = finishes + rng.normal(0, 0.5, 4000)
    plain = aggregate_listeners(finishes, denominator=plays)
    adjusted = aggregate_listeners(finishes, denominator=plays, covariate=past)
    line = (finishes - finishes.sum() / plays.sum() * plays) / plays.mean()
    kept = 1 - np.corrcoef(line, past)[0, 1] ** 2
    ratio = listeners_needed(adjusted, 0.001) / listeners_needed(plain, 0.001)
    assert ratio == pytest.approx(kept, rel=1e-4)


def test_an_effect_that_cannot_be_found_is_refused() -> None:
    for effect in (0.0, 1e-9):
        with pytest.raises(ExperimentError, match="ask for a larger effect"):
            listeners_needed(PAST, effect)
    with pytest.raises(ExperimentError, match="give more than 0"):
        minimal_effect(PAST, 0)


def test_days_are_read_off_the_curve_and_beyond_it() -> None:
    curve = [100, 180, 240, 290, 330, 360, 380, 400]
    assert days_needed(240, curve) == Days(3, is_extrapolated=False)
    assert days_needed(120, curve, share=0.5) == Days(3, is_extrapolated=False)
    # The last week brought 300 in 7 days: 100 more take 2.3.
    assert days_needed(500, curve) == Days(11, is_extrapolated=True)
    assert days_needed(500, [100, 200]) == Days(5, is_extrapolated=True)


@pytest.mark.parametrize("curve", [[], [5, 4]])
def test_a_curve_that_says_nothing_is_refused(curve: list[float]) -> None:
    with pytest.raises(ExperimentError, match="says nothing"):
        days_needed(10, curve)


def test_flat_traffic_never_brings_enough() -> None:
    with pytest.raises(ExperimentError, match="raise the share"):
        days_needed(500, [400] * 9)
