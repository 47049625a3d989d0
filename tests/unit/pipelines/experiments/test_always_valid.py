"""The confidence sequence has its published widths, and its p-value is the interval's."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from pipelines.experiments.sequential.always_valid import (
    AlwaysValidConfig,
    always_valid,
    critical_value,
    half_width,
)
from pipelines.experiments.statistics.aggregates import Aggregate
from tests.support.shared_data import shared_vectors


def test_half_widths_are_the_published_ones() -> None:
    cases = json.loads(shared_vectors("sequential.json").read_text())["asymptotic_cs"]
    assert len(cases) == 42
    for case in cases:
        found = half_width(case["n"], case["s2"], case["alpha"], case["tuning"])
        assert found == pytest.approx(case["halfwidth_two_sided"], rel=1e-12)


def test_it_is_tightest_near_its_tuning() -> None:
    """At no other tuning is the interval at `tuning` listeners narrower by more than 0.1 %."""
    best = optimize.minimize_scalar(
        lambda log_tuning: critical_value(5000, 0.05, math.exp(log_tuning)),
        bounds=(3, 15),
        method="bounded",
    )
    assert critical_value(5000, 0.05, 5000) <= best.fun * 1.001


@given(
    n=st.integers(150, 10**7),
    effect=st.floats(-0.5, 0.5),
    alpha=st.sampled_from([0.01, 0.05, 0.2]),
)
def test_the_p_value_is_below_alpha_where_the_interval_excludes_zero(
    n: int, effect: float, alpha: float
) -> None:
    arms = Aggregate(n=n, mean=5.0, variance=4.0), Aggregate(n=n, mean=5.0 + effect, variance=3.0)
    found = always_valid(*arms, AlwaysValidConfig(alpha=alpha))
    assert found.difference.holds(0) == (found.p_value > alpha)
    assert found.relative is None or found.relative.holds(0) == found.difference.holds(0)


def test_nothing_is_claimed_of_few_listeners() -> None:
    arms = Aggregate(n=90, mean=5.0, variance=1.0), Aggregate(n=90, mean=9.0, variance=1.0)
    found = always_valid(*arms)
    assert (found.p_value, found.difference.low, found.difference.high) == (1.0, -np.inf, np.inf)
    assert found.relative is None
    assert always_valid(*arms, AlwaysValidConfig(min_listeners=180)).p_value < 0.05
