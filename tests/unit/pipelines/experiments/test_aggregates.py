"""Aggregates are sums over listeners: they add up, and say what is wrong with themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import ExperimentError
from pipelines.experiments.statistics.aggregate_file import ExperimentAggregates, read_aggregates
from pipelines.experiments.statistics.aggregates import (
    Aggregate,
    SecondVariable,
    aggregate_listeners,
)
from pipelines.experiments.statistics.capping import cap_values, winsorising_cap

SECONDS = ("denominator", "covariate", "covariate_denominator")


def listeners(rng: np.random.Generator, n: int, seconds: int) -> dict[str, np.ndarray]:
    mixed = rng.normal(size=(1 + seconds, 1 + seconds)) @ rng.normal(size=(1 + seconds, n)) + 3.0
    return dict(zip(("values", *SECONDS[:seconds]), mixed, strict=True))


@pytest.mark.parametrize("seconds", range(4))
def test_means_and_covariances_are_numpys(seconds: int) -> None:
    columns = listeners(np.random.default_rng(seconds), 57, seconds)
    found = aggregate_listeners(**columns)
    matrix = np.stack(list(columns.values()))
    np.testing.assert_allclose(found.means(), matrix.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.covariances(), np.atleast_2d(np.cov(matrix)), rtol=1e-10)
    assert found.variables == ("value", *SECONDS[:seconds])


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=5),
    seconds=st.integers(0, 3),
)
def test_parts_add_up_to_the_whole(seed: int, sizes: list[int], seconds: int) -> None:
    columns = listeners(np.random.default_rng(seed), sum(sizes), seconds)
    cuts = np.cumsum(sizes)[:-1]
    parts = [
        aggregate_listeners(**dict(zip(columns, part, strict=True)))
        for part in zip(*(np.split(column, cuts) for column in columns.values()), strict=True)
    ]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    whole = aggregate_listeners(**columns)
    assert merged.n == whole.n
    np.testing.assert_allclose(merged.means(), whole.means(), rtol=1e-9)
    np.testing.assert_allclose(merged.covariances(), whole.covariances(), rtol=1e-8, atol=1e-9)


def test_json_goes_out_and_comes_back() -> None:
    found = aggregate_listeners(**listeners(np.random.default_rng(3), 40, 3))
    assert Aggregate.model_validate_json(found.model_dump_json()) == found


def test_different_variables_are_not_added() -> None:
    mean = aggregate_listeners([1.0, 2.0])
    ratio = aggregate_listeners([1.0, 2.0], denominator=[1.0, 3.0])
    with pytest.raises(ExperimentError, match="same metric declaration"):
        mean.merge(ratio)


@pytest.mark.parametrize(
    ("values", "denominator", "message"),
    [
        ([1.0, 2.0], [1.0], "shapes"),
        ([], None, "at least one listener"),
        ([1.0, np.nan], None, "1 of 2 listeners have no finite value"),
    ],
)
def test_unusable_arrays_are_refused(values: list, denominator: list, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        aggregate_listeners(values, denominator=denominator)


def test_an_impossible_covariance_is_refused() -> None:
    second = SecondVariable(mean=1.0, variance=1.0, covariance=2.1)
    with pytest.raises(ValidationError, match="larger than the product"):
        Aggregate(n=10, mean=1.0, variance=4.0, denominator=second)


def test_the_covariates_denominator_does_not_stand_alone() -> None:
    second = SecondVariable(mean=1.0, variance=1.0, covariance=0.0)
    with pytest.raises(ValidationError, match="needs a denominator and a covariate"):
        Aggregate(n=10, mean=1.0, variance=4.0, covariate_denominator=second)


def minimal() -> dict:
    arm = {"n": 10, "mean": 1.0, "variance": 2.0}
    return {"control": "a", "metrics": {"hours": {"a": arm, "b": {**arm, "mean": 1.5}}}}


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "aggregates.json"
    path.write_text(json.dumps(minimal()))
    assert read_aggregates(path).metrics["hours"]["b"] == Aggregate(n=10, mean=1.5, variance=2.0)


def test_every_fault_of_a_file_is_named(tmp_path: Path) -> None:
    broken = minimal()
    broken["metrics"]["hours"]["a"]["variance"] = -1
    broken["metrics"]["hours"]["b"]["n"] = 0
    path = tmp_path / "aggregates.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(ExperimentError) as caught:
        read_aggregates(path)
    assert "metrics.hours.a.variance" in str(caught.value)
    assert "metrics.hours.b.n" in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"control": "z", "metrics": {"m": {"a": {}}}}'])
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ExperimentError, match=r"a\.json"):
        read_aggregates(tmp_path / "a.json")


def test_a_missing_file_and_a_missing_control_are_named(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="No such file"):
        read_aggregates(tmp_path / "none.json")
    with pytest.raises(ValidationError, match="no aggregate of the control 'z'"):
        ExperimentAggregates.model_validate({**minimal(), "control": "z"})


def test_experiments_add_up_metric_by_metric() -> None:
    one = ExperimentAggregates.model_validate({**minimal(), "listeners": {"a": 11, "b": 12}})
    both = one.merge(one)
    assert both.listeners == {"a": 22, "b": 24}
    assert both.metrics["hours"]["b"] == one.metrics["hours"]["b"].merge(one.metrics["hours"]["b"])
    with pytest.raises(ExperimentError, match="different metrics or variations"):
        one.merge(one.model_copy(update={"metrics": {}}))


def test_one_cap_holds_for_all_variations() -> None:
    pooled = np.arange(1001.0)
    cap = winsorising_cap(pooled, 0.99)
    assert cap == 990.0
    assert cap_values(pooled, cap).max() == 990.0
    assert (cap_values(pooled, cap) == pooled)[:991].all()
    with pytest.raises(ExperimentError, match=r"\(0\.5, 1\]"):
        winsorising_cap(pooled, 99.0)
