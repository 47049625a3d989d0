"""Boundaries spend what they may, agree with published ones, and cost little power."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import special, stats

from core.errors import ExperimentError
from pipelines.experiments.sequential.group_sequential import (
    GroupSequentialConfig,
    boundaries,
    crossing,
    group_sequential,
)
from pipelines.experiments.sequential.spending import SPENDINGS, SpendingName
from pipelines.experiments.statistics.aggregates import Aggregate
from tests.support.shared_data import shared_vectors

FORTNIGHT = [day / 14 for day in range(1, 15)]
FIXED_80 = special.ndtri(0.975) + special.ndtri(0.8)
UPSTREAM_TOLERANCE = 1e-7  # of probability on one side: where the published search ends
LARGEST_PUBLISHED_Z = 8.0  # stands for "nothing to spend"


@pytest.mark.parametrize("case", [0, 1])
def test_published_boundaries_spend_what_these_spend(case: int) -> None:
    """Published z carry their search's tolerance, so they are compared as probabilities spent."""
    given = json.loads(shared_vectors("gst-bounds.json").read_text())["cases"][case]
    shares, published = np.array(given["t"]), np.array(given["expected_z"])
    planned = np.diff(given["alpha"] * shares**2, prepend=0.0) / 2
    spent = np.array(crossing(given["t"], published).at) / 2
    # Their grid adds up to half of the tolerance again over 180 looks.
    np.testing.assert_allclose(spent, planned, atol=1.5 * UPSTREAM_TOLERANCE, rtol=0)
    ours = np.array(boundaries(given["t"], alpha=given["alpha"], spending="quadratic"))
    known = published < LARGEST_PUBLISHED_Z
    assert ours[0] == pytest.approx(published[0], abs=1e-7)
    assert np.abs(ours - published)[known].max() < 0.08  # where a look spends 1e-7
    assert np.median(np.abs(ours - published)) < 0.0065


@pytest.mark.parametrize(
    ("spending", "expected"),
    [
        # ldbounds and gsDesign print these for five even looks at a two-sided 5 %.
        ("obrien_fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_five_looks_have_the_tabulated_boundaries(
    spending: SpendingName, expected: list[float]
) -> None:
    found = boundaries([0.2, 0.4, 0.6, 0.8, 1.0], spending=spending)
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize("spending", SPENDINGS)
@pytest.mark.parametrize("shares", [FORTNIGHT, [0.05, 0.07, 0.5, 0.51, 0.9], [0.3], [1.0]])
def test_all_that_may_be_spent_is_spent(spending: SpendingName, shares: list[float]) -> None:
    bounds = boundaries(shares, spending=spending)
    spent = np.cumsum(crossing(shares, bounds).at)
    planned = [SPENDINGS[spending](share, 0.05) for share in shares]
    np.testing.assert_allclose(spent, planned, atol=1e-9)


def test_one_look_is_the_fixed_test() -> None:
    (bound,) = boundaries([1.0])
    assert bound == pytest.approx(special.ndtri(0.975), abs=1e-9)
    assert crossing([1.0], [bound], FIXED_80).ever == pytest.approx(0.8, abs=1e-5)


def test_two_looks_cross_as_the_bivariate_normal_says() -> None:
    bounds, drift = boundaries([0.4, 1.0], spending="pocock"), 1.7
    root = math.sqrt(0.4)
    joint = stats.multivariate_normal([drift * root, drift], [[1, root], [root, 1]])
    inside = joint.cdf(bounds, lower_limit=[-bound for bound in bounds])
    assert crossing([0.4, 1.0], bounds, drift).ever == pytest.approx(1 - inside, abs=1e-6)


def test_fourteen_looks_keep_most_of_the_power() -> None:
    power = {
        name: crossing(FORTNIGHT, boundaries(FORTNIGHT, spending=name), FIXED_80).ever
        for name in SPENDINGS
    }
    assert power["obrien_fleming"] >= 0.78
    assert power["obrien_fleming"] > power["quadratic"] > power["pocock"]


def test_a_look_depends_on_no_later_one() -> None:
    np.testing.assert_allclose(boundaries(FORTNIGHT)[:6], boundaries(FORTNIGHT[:6]), atol=1e-9)


def test_a_look_with_nothing_to_spend_never_crosses_and_saves_it() -> None:
    shares = [0.001, 0.5, 1.0]
    bounds = boundaries(shares)
    assert bounds[0] == math.inf
    assert crossing(shares, bounds).ever == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize("shares", [[], [0.5, 0.5], [0.6, 0.5], [0.0, 1.0], [0.5, 1.01]])
def test_looks_that_do_not_rise_are_refused(shares: list[float]) -> None:
    with pytest.raises(ExperimentError, match="rise within"):
        boundaries(shares)


@pytest.mark.parametrize("effect", [0.0, 0.11, 0.2, 0.5])
def test_the_p_value_and_the_interval_agree(effect: float) -> None:
    config = GroupSequentialConfig(planned_listeners=4000)
    looks = [1000, 2000, 3000]
    control = Aggregate(n=1500, mean=3.0, variance=2.0)
    treated = Aggregate(n=1500, mean=3.0 + effect, variance=2.0)
    found = group_sequential(control, treated, config, looks)
    assert found.difference.holds(0) == (found.p_value > 0.05)
    z = effect / math.sqrt(4.0 / 1500)
    if 1e-6 < found.p_value < 0.999:
        bound = boundaries([0.25, 0.5, 0.75], alpha=found.p_value)[-1]
        assert bound == pytest.approx(z, abs=2e-3)
