"""The evidence against a split is the published one, and verdicts follow from it."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from scipy import stats

from core.errors import ExperimentError
from pipelines.experiments.sequential.sample_ratio import (
    SampleRatioConfig,
    log_evidence,
    sample_ratio,
)
from tests.support.shared_data import shared_vectors


def test_evidence_is_the_published_one() -> None:
    cases = json.loads(shared_vectors("sequential.json").read_text())["sequential_srm"]["cases"]
    assert len(cases) == 21
    for case in cases:
        names = [f"v{at}" for at in range(len(case["counts"]))]
        found = sample_ratio(
            dict(zip(names, case["counts"], strict=True)),
            dict(zip(names, case["weights"], strict=True)),
            SampleRatioConfig(focus=0, prior_strength=case["prior_strength"]),
        )
        # Differences of log-gammas of 1e6 keep about nine digits.
        assert found.log_evidence == pytest.approx(case["log_evalue"], abs=1e-8)
        assert found.p_value == pytest.approx(case["always_valid_p_at_this_look"], rel=1e-7)


@pytest.mark.parametrize("shares", [(0.3, 0.7), (0.1, 0.3, 0.6), (1e-5, 1 - 1e-5)])
@pytest.mark.parametrize("focus", [0.0, 0.9])
def test_evidence_is_a_likelihood_ratio_of_mean_one(shares: tuple, focus: float) -> None:
    """Over all outcomes of 30 listeners, weighted by the plan: an e-value, exactly."""
    outcomes = np.array(
        [of for of in itertools.product(range(31), repeat=len(shares)) if sum(of) == 30], float
    )
    config = SampleRatioConfig(focus=focus, prior_strength=12, imbalance=0.1)
    evidence = log_evidence(outcomes, np.array(shares), config)
    chances = stats.multinomial.pmf(outcomes, 30, shares)
    assert np.exp(evidence) @ chances == pytest.approx(1.0, rel=1e-9)


def test_what_is_neither_near_nor_far_is_found_too() -> None:
    """An imbalance below the one looked for, at a million listeners, and a very large one."""
    assert sample_ratio({"a": 503_000, "b": 497_000}).is_broken
    assert sample_ratio({"a": 300, "b": 150}).is_broken
    assert sample_ratio({"a": 8_700, "b": 1_300}, {"a": 9, "b": 1}).is_broken


def test_the_fixed_test_is_pearsons() -> None:
    found = sample_ratio({"a": 480, "b": 540, "c": 980}, {"a": 1, "b": 1, "c": 2})
    expected = stats.chisquare([480, 540, 980], [500, 500, 1000])
    assert found.fixed_p_value == pytest.approx(expected.pvalue, rel=1e-10)
    assert found.expected == {"a": 500, "b": 500, "c": 1000}
    assert not found.is_broken


def test_a_broken_split_is_found_and_no_listeners_are_not_one() -> None:
    assert sample_ratio({"a": 51_000, "b": 49_000}).is_broken
    empty = sample_ratio({"a": 0, "b": 0})
    assert (empty.p_value, empty.fixed_p_value, empty.is_broken) == (1.0, 1.0, False)


@pytest.mark.parametrize(
    ("counts", "weights"),
    [({"a": 1}, None), ({"a": 1, "b": 2}, {"a": 1}), ({"a": 1, "b": 2}, {"a": 1, "b": 0})],
)
def test_what_cannot_be_tested_is_refused(counts: dict, weights: dict) -> None:
    with pytest.raises(ExperimentError, match="at least two variations"):
        sample_ratio(counts, weights)


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ExperimentError, match="negative"):
        sample_ratio({"a": -1, "b": 2})
