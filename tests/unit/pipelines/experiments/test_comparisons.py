"""Whole experiments are compared from aggregates, corrected by family, and fast."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest

from core.errors import ExperimentError
from pipelines.experiments.sequential.always_valid import AlwaysValidConfig, always_valid
from pipelines.experiments.sequential.group_sequential import GroupSequentialConfig, planned_look
from pipelines.experiments.statistics.aggregate_file import ExperimentAggregates
from pipelines.experiments.statistics.aggregates import Aggregate, aggregate_listeners
from pipelines.experiments.statistics.comparisons import compare
from pipelines.experiments.statistics.corrections import adjust
from pipelines.experiments.statistics.effects import fixed_horizon


@pytest.fixture(scope="module")
def fifty() -> ExperimentAggregates:
    """Fifty metrics of three variations: ratios with covariates that are ratios."""
    rng = np.random.default_rng(8)
    metrics = {}
    for at in range(50):
        arms = {}
        for name in ("control", "fresh", "bold"):
            columns = rng.gamma(2.0, 1.0, (4, 300)) + 1.0
            arms[name] = aggregate_listeners(
                columns[0],
                denominator=columns[1],
                covariate=columns[2],
                covariate_denominator=columns[3],
            )
        metrics[f"metric {at}"] = arms
    return ExperimentAggregates(control="control", metrics=metrics)


def test_each_comparison_is_its_own_test_corrected_in_its_family(
    fifty: ExperimentAggregates,
) -> None:
    families = {f"metric {at}": "first" for at in range(10)}
    found = compare(fifty, families=families)
    assert len(found) == 100
    one = found[3]
    assert (one.metric, one.variation) == ("metric 1", "bold")
    arms = fifty.metrics["metric 1"]
    assert one.effect == fixed_horizon(arms["control"], arms["bold"])
    for part in (found[:20], found[20:]):
        expected = adjust([each.effect.p_value for each in part], "holm")
        assert [each.adjusted_p_value for each in part] == expected.tolist()


METHODS = {
    "fixed": lambda: fixed_horizon,
    "always valid": lambda: partial(always_valid, config=AlwaysValidConfig()),
    "group sequential": lambda: (
        planned_look(
            GroupSequentialConfig(planned_listeners=900), [100, 200, 300, 400, 500, 600]
        ).compare
    ),
}


@pytest.mark.parametrize("method", METHODS)
def test_fifty_metrics_of_three_variations_take_half_a_second(
    fifty: ExperimentAggregates, method: str
) -> None:
    text = fifty.model_dump_json()
    started = time.process_time()
    compare(ExperimentAggregates.model_validate_json(text), method=METHODS[method]())
    assert time.process_time() - started < 0.5


def test_what_cannot_be_compared_is_named() -> None:
    arms = {"a": Aggregate(n=5, mean=1, variance=1), "b": Aggregate(n=1, mean=1, variance=0)}
    given = ExperimentAggregates(control="a", metrics={"hours": arms})
    with pytest.raises(ExperimentError, match="metric 'hours', variation 'b': treatment has 1"):
        compare(given)
