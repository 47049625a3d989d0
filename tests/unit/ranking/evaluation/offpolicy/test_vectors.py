"""Ten thousand impressions of the Open Bandit data, and what a public package estimates of them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

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
from ranking.evaluation.offpolicy.estimates import OffPolicyEstimate
from ranking.evaluation.offpolicy.weighing import WeighedDecisions, weigh
from tests.support.shared_data import shared_vectors

EXACT = {"abs": 1e-9, "rel": 1e-9}


class OpenBandit(NamedTuple):
    expected: dict[str, Any]
    log: WeighedDecisions
    direct: np.ndarray
    taken: np.ndarray


@pytest.fixture(scope="module")
def bandit() -> OpenBandit:
    folder = shared_vectors("ope")
    expected = json.loads((folder / "obd_men_expected.json").read_text())
    rows = pl.read_csv(folder / "obd_men_random_logged.csv")
    actions, positions = rows["action"].to_numpy(), rows["position"].to_numpy()
    policy = np.array(expected["action_dist"])  # (actions, positions)
    q = np.array(expected["q_hat_by_action"])
    log = weigh(
        rows["reward"].to_numpy(),
        policy[actions, positions],
        rows["pscore"].to_numpy(),
        np.arange(rows.height),  # the log names nobody: every row is somebody of their own
    )
    return OpenBandit(expected, log, policy.T[positions] @ q, q[actions])


def estimates(bandit: OpenBandit) -> dict[str, OffPolicyEstimate]:
    _, log, d, q = bandit
    return {
        "ipw": ips(log),
        "snipw": snips(log),
        "dm": direct(log, d),
        "dr": dr(log, d, q),
        "sndr": sndr(log, d, q),
        "switch-dr(lambda=5)": switch_dr(log, d, q, 5),
        "dr-os(lambda=5)": dr_os(log, d, q, 5),
        "clipped-ipw(lambda=3)": ips(log, clip=3),
    }


def test_every_estimate_is_the_published_one(bandit: OpenBandit) -> None:
    found = {name: one.value for name, one in estimates(bandit).items()}
    assert found == pytest.approx(bandit.expected["estimates"], **EXACT)


def test_errors_of_plain_means_are_the_published_ones(bandit: OpenBandit) -> None:
    # The package takes a ratio's denominator for a constant; the delta method does not.
    ratios = {"snipw", "sndr"}
    # With a listener a row the clustered error is √(Σ(v - v̄)² / (n (n - 1))), as published.
    for name, one in estimates(bandit).items():
        if name not in ratios:
            published = bandit.expected["round_stats"][name]["se"]
            assert one.standard_error == pytest.approx(published, **EXACT), name


def test_overlap_is_the_published_one(bandit: OpenBandit) -> None:
    overlap = bandit.log.overlap
    assert overlap.effective_size == pytest.approx(bandit.expected["ess"], **EXACT)
    assert overlap.max_weight == pytest.approx(bandit.expected["max_weight"], **EXACT)
    assert overlap.n_rows == overlap.n_users == bandit.expected["n_rounds"]
    assert overlap.unsupported_share == 0
    assert logged_value(bandit.log).value == pytest.approx(bandit.expected["behavior_ctr"])
