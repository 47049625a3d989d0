"""The evidence against a split is the published one, and verdicts follow from it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from core.errors import ExperimentError
from pipelines.experiments.sample_ratio import SampleRatioConfig, log_evidence, sample_ratio
from tests.support.shared_data import shared_vectors


def test_evidence_is_the_published_one() -> None:
    cases = json.loads(shared_vectors("sequential.json").read_text())["sequential_srm"]["cases"]
    assert len(cases) == 21
    for case in cases:
        names = [f"v{at}" for at in range(len(case["counts"]))]
        found = sample_ratio(
            dict(zip(names, case["counts"], strict=True)),
            dict(zip(names, case["weights"], strict=True)),
            SampleRatioConfig(prior_strength=case["prior_strength"]),
        )
        # Differences of log-gammas of 1e6 keep about nine digits.
        assert found.log_evidence == pytest.approx(case["log_evalue"], abs=1e-8)
        assert found.p_value == pytest.approx(case["always_valid_p_at_this_look"], rel=1e-7)


def test_evidence_is_a_likelihood_ratio_of_mean_one() -> None:
    """Over all outcomes of 60 listeners, weighted by the plan: an e-value, exactly."""
    first = np.arange(61.0)
    evidence = log_evidence(np.stack([first, 60 - first], axis=1), np.array([0.3, 0.7]), 12.0)
    assert np.exp(evidence) @ stats.binom.pmf(first, 60, 0.3) == pytest.approx(1.0, rel=1e-10)


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
