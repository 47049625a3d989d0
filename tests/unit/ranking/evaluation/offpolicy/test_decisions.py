from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.errors import DataError
from ranking.evaluation.offpolicy.decisions import (
    direct,
    dr,
    dr_os,
    ips,
    logged_value,
    sndr,
    snips,
    switch_dr,
)
from ranking.evaluation.offpolicy.weighing import WeighedDecisions, weigh

# Four decisions of three listeners, to be worked by hand: w = 2, 0.5, 0, 1.
REWARDS = np.array([1.0, 0.0, 1.0, 1.0])
TARGET = np.array([0.5, 0.25, 0.0, 0.5])
LOGGED = np.array([0.25, 0.5, 0.5, 0.5])
USERS = np.array([7, 7, 3, 9])
EXPECTED = np.array([0.5, 0.25, 0.75, 0.5])
TAKEN = np.array([0.5, 0.5, 1.0, 0.25])
LOG = weigh(REWARDS, TARGET, LOGGED, USERS)


def test_values_by_hand() -> None:
    assert logged_value(LOG).value == 3 / 4
    assert ips(LOG).value == (2 + 0 + 0 + 1) / 4
    assert snips(LOG).value == pytest.approx(3 / 3.5)
    assert ips(LOG, clip=1.5).value == (1.5 + 1) / 4
    assert direct(LOG, EXPECTED).value == 0.5
    # w (r - q): 2 · 0.5, 0.5 · -0.5, 0, 1 · 0.75
    assert dr(LOG, EXPECTED, TAKEN).value == pytest.approx(0.5 + (1 - 0.25 + 0.75) / 4)
    assert sndr(LOG, EXPECTED, TAKEN).value == pytest.approx(0.5 + (1 - 0.25 + 0.75) / 3.5)
    assert dr(LOG, EXPECTED, TAKEN, clip=1).value == pytest.approx(0.5 + (0.5 - 0.25 + 0.75) / 4)
    assert switch_dr(LOG, EXPECTED, TAKEN, 1).value == pytest.approx(0.5 + (-0.25 + 0.75) / 4)
    # λ = 1: w / (w² + 1) is 0.4, 0.4, 0, 0.5
    shrunk = 0.5 + (0.4 * 0.5 - 0.4 * 0.5 + 0.5 * 0.75) / 4
    assert dr_os(LOG, EXPECTED, TAKEN, 1).value == pytest.approx(shrunk)


def test_errors_by_hand() -> None:
    # IPS terms 2, 0, 0, 1 less 0.75; listener 7 has 1.25 - 0.75, the others -0.75 and 0.25.
    sums = np.array([0.5, -0.75, 0.25])
    assert ips(LOG).standard_error == pytest.approx(np.sqrt(3 / 2 * sums @ sums) / 4)
    # SNIPS: w (r - 6/7) over the mean weight 7/8.
    moved = np.array([2 * 1 / 7 - 0.5 * 6 / 7, 0, 1 / 7]) / (7 / 8)
    assert snips(LOG).standard_error == pytest.approx(np.sqrt(3 / 2 * moved @ moved) / 4)
    found = ips(LOG)
    # Student's t with two degrees: 4.302653 at 97.5 %.
    assert found.high - found.value == pytest.approx(4.302653 * found.standard_error, rel=1e-6)
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_overlap_by_hand() -> None:
    overlap = LOG.overlap
    assert overlap.effective_size == pytest.approx(3.5**2 / (4 + 0.25 + 1))
    assert (overlap.max_weight, overlap.mean_weight) == (2, 3.5 / 4)
    assert (overlap.n_rows, overlap.n_users, overlap.unsupported_share) == (4, 3, 0)
    assert not overlap.is_sufficient
    assert ips(LOG, clip=1.5).overlap == overlap  # a clip hides no weight


def test_a_decision_without_propensity_is_left_out_and_counted() -> None:
    log = weigh(
        np.append(REWARDS, [1.0, np.nan]),
        np.append(TARGET, [0.5, 0.5]),
        np.append(LOGGED, [0.0, np.nan]),
        np.append(USERS, [7, 11]),
        unsupported=np.array([0, 0.5, 0, 0.25, 0, 0]),
    )
    assert log.overlap.unsupported_share == pytest.approx((0.5 + 0.25 + 1 + 1) / 6)
    assert ips(log).value == ips(LOG).value
    assert ips(log).overlap.n_users == 3
    d, q = np.append(EXPECTED, [9.0, 9.0]), np.append(TAKEN, [9.0, 9.0])
    assert dr(log, d, q).value == dr(LOG, EXPECTED, TAKEN).value


def test_a_policy_that_is_nowhere_in_the_log_has_no_weighted_mean() -> None:
    log = weigh(REWARDS, np.zeros(4), LOGGED, USERS)
    assert ips(log).value == 0
    assert np.isnan(snips(log).value)
    assert np.isnan(sndr(log, EXPECTED, TAKEN).value)
    assert log.overlap.effective_size == 0


def test_one_listener_has_a_value_and_no_error() -> None:
    found = ips(weigh(REWARDS, TARGET, LOGGED, np.zeros(4, dtype=np.int64)))
    assert found.value == 0.75
    assert np.isnan([found.standard_error, found.low, found.high]).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target": np.array([0.5, 0.25, 1.2, 0.5])}, "target propensity is 1.2"),
        ({"target": np.array([0.5, np.nan, 0.0, 0.5])}, "target propensity is nan"),
        ({"logged": np.array([0.5, -0.1, 0.5, 0.5])}, "logged propensity is -0.1"),
        ({"logged": np.zeros(4)}, "none of the logged decisions"),
        ({"rewards": np.array([1.0, np.nan, 0, 0])}, "1 rewards of 4"),
        ({"unsupported": np.array([0, 0, 0, 2.0])}, "unsupported share is 2.0"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], said: str) -> None:
    given_ = {"rewards": REWARDS, "target": TARGET, "logged": LOGGED, "users": USERS}
    with pytest.raises(DataError, match=said):
        weigh(**{**given_, **change})


@pytest.mark.parametrize("name", ["ips", "dr"])
def test_the_expectation_over_every_possible_log_is_the_truth(name: str) -> None:
    """Two decisions of three actions with rewards 0 or 1: all 36 logs, each by its probability."""
    logging, policy = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.2, 0.7])
    p_reward = np.array([0.2, 0.5, 0.9])
    q = np.array([0.9, 0.1, 0.3])  # a model that is wrong everywhere
    mean = clipped = 0.0
    outcomes = list(itertools.product(range(3), (0.0, 1.0)))
    for pair in itertools.product(outcomes, repeat=2):
        actions = np.array([action for action, _ in pair])
        rewards = np.array([reward for _, reward in pair])
        chance = float(
            np.prod(logging[actions])
            * np.prod(np.where(rewards == 1, p_reward[actions], 1 - p_reward[actions]))
        )
        log = weigh(rewards, policy[actions], logging[actions], np.arange(2))
        d, taken = np.full(2, policy @ q), q[actions]
        mean += chance * (ips(log) if name == "ips" else dr(log, d, taken)).value
        clipped += chance * (ips(log, 2) if name == "ips" else dr(log, d, taken, 2)).value
    assert mean == pytest.approx(policy @ p_reward, abs=1e-12)
    assert abs(clipped - policy @ p_reward) > 0.1  # a clip has its price


probabilities = st.floats(0.01, 1)


@st.composite
def logs(draw: st.DrawFn) -> WeighedDecisions:
    n = draw(st.integers(2, 30))
    column = hnp.arrays(np.float64, n, elements=probabilities)
    rewards = draw(hnp.arrays(np.float64, n, elements=st.floats(-5, 5)))
    users = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 6)))
    return weigh(rewards, draw(column), draw(column), users)


@settings(max_examples=30, deadline=None)
@given(log=logs())
def test_snips_stays_within_the_rewards_and_ignores_a_common_factor(log: WeighedDecisions) -> None:
    value = snips(log).value
    assert log.rewards.min() - 1e-9 <= value <= log.rewards.max() + 1e-9
    target, ones = log.weights / log.weights.max(), np.ones(log.rewards.size)
    halved = weigh(log.rewards, target / 2, ones, log.users)
    assert snips(halved).value == pytest.approx(value, abs=1e-9)
    # A constant added to all rewards is added to the estimate; IPS keeps no such promise.
    shifted = weigh(log.rewards + 3, target, ones, log.users)
    assert snips(shifted).value == pytest.approx(value + 3, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(log=logs(), data=st.data())
def test_the_policy_that_logged_earns_what_was_logged(log: WeighedDecisions, data: Any) -> None:
    p = data.draw(hnp.arrays(np.float64, log.rewards.size, elements=probabilities))
    same = weigh(log.rewards, p, p, log.users)
    for found in (ips(same), snips(same), ips(same, clip=1)):
        assert found.value == pytest.approx(log.rewards.mean(), abs=1e-12)
        expected = logged_value(same).standard_error
        assert found.standard_error == pytest.approx(expected, nan_ok=True, abs=1e-12)
    assert same.overlap.effective_size == pytest.approx(log.rewards.size)


@settings(max_examples=30, deadline=None)
@given(log=logs(), data=st.data())
def test_limits_lead_from_one_estimator_to_another(log: WeighedDecisions, data: Any) -> None:
    column = hnp.arrays(np.float64, log.rewards.size, elements=st.floats(-2, 2))
    d, q = data.draw(column), data.draw(column)
    zeros = np.zeros_like(d)
    largest = log.weights.max()
    close = {"rel": 1e-6, "abs": 1e-6}
    assert dr(log, zeros, zeros).value == pytest.approx(ips(log).value)
    assert sndr(log, zeros, zeros).value == pytest.approx(snips(log).value)
    assert dr(log, d, q, clip=0).value == pytest.approx(direct(log, d).value)
    assert switch_dr(log, d, q, largest).value == pytest.approx(dr(log, d, q).value)
    assert dr_os(log, d, q, 1e15).value == pytest.approx(dr(log, d, q).value, **close)
    assert dr_os(log, d, q, 0).value == pytest.approx(direct(log, d).value)
    assert ips(log, clip=largest).value == pytest.approx(ips(log).value)
    # Where the model is right about every row, nothing is left to correct.
    assert dr(log, d, log.rewards).value == pytest.approx(d.mean())


@settings(max_examples=25, deadline=None)
@given(log=logs(), seed=st.integers(0, 99))
def test_neither_order_nor_names_of_listeners_matter(log: WeighedDecisions, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(log.rewards.size)
    target, logged = np.minimum(log.weights / 100, 1), np.full(log.rewards.size, 0.01)
    one = snips(weigh(log.rewards, target, logged, log.users))
    other = snips(weigh(log.rewards[order], target[order], logged, 1000 - 7 * log.users[order]))
    assert other.value == pytest.approx(one.value, abs=1e-9)
    assert other.standard_error == pytest.approx(one.standard_error, abs=1e-9, nan_ok=True)


def test_two_copies_of_every_row_of_a_listener_change_no_error() -> None:
    """A listener who says everything twice is no better known: the point of clustering."""
    twice = np.repeat(np.arange(4), 2)
    log = weigh(REWARDS[twice], TARGET[twice], LOGGED[twice], USERS[twice])
    for one, other in ((ips(LOG), ips(log)), (snips(LOG), snips(log))):
        assert other.value == pytest.approx(one.value)
        assert other.standard_error == pytest.approx(one.standard_error)
    assert log.overlap.effective_size == pytest.approx(2 * LOG.overlap.effective_size)
