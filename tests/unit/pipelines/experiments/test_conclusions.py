"""Aggregates become effects and one decision, and what cannot be decided is held."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ExperimentError
from pipelines.experiments.analysis.conclusions import Conclusions, conclude
from pipelines.experiments.analysis.looks import method_of
from pipelines.experiments.measuring.metric_file import read_metrics
from pipelines.experiments.question import Question
from pipelines.experiments.sequential.always_valid import AlwaysValidConfig, always_valid
from pipelines.experiments.sequential.group_sequential import GroupSequentialConfig, planned_look
from pipelines.experiments.statistics.aggregate_file import ExperimentAggregates
from pipelines.experiments.statistics.aggregates import Aggregate, aggregate_listeners
from pipelines.experiments.statistics.corrections import adjust
from pipelines.experiments.statistics.effects import fixed_horizon

END_MS = 1_000_000
METRICS = read_metrics()


def arm(seed: int, mean: float, n: int = 2000) -> Aggregate:
    return aggregate_listeners(np.random.default_rng(seed).normal(mean, 1.0, n))


def given(**means: tuple[float, float, float]) -> ExperimentAggregates:
    """Metrics with the means of three variations."""
    metrics = {
        name: {
            key: arm(7 * at + place, mean)
            for place, (key, mean) in enumerate(zip("abc", of, strict=True))
        }
        for at, (name, of) in enumerate(means.items())
    }
    return ExperimentAggregates(
        control="a", metrics=metrics, listeners={"a": 2000, "b": 2000, "c": 2000}
    )


def asked(**more: object) -> Question:
    values = {"key": "k", "variations": ("a", "b", "c"), "method": "fixed_horizon", **more}
    return Question.model_validate({"end_ms": END_MS, **values})


def decided(found: Conclusions) -> dict[str, tuple[str, int]]:
    return {row.variation: (row.verdict, row.rule) for row in found.decisions}


def test_goals_guardrails_and_directions_decide() -> None:
    sums = given(listening_hours=(5, 6, 5), skip_rate=(5, 5, 6))
    question = asked(primary=["listening_hours"], guardrails=["skip_rate"])
    found = conclude(sums, question, METRICS, now_ms=END_MS)
    # More skips are worse, so that b ships and c is stopped by its guardrail.
    assert decided(found) == {"b": ("ship", 5), "c": ("stop", 2)}
    by = {(row.metric, row.variation): row for row in found.rows}
    assert by["listening_hours", "b"].outcome == "better"
    assert by["skip_rate", "c"].outcome == "worse"
    assert (by["skip_rate", "b"].standing, by["skip_rate", "b"].margin) == ("safe", 0.02)
    turned = question.model_copy(update={"directions": {"skip_rate": "increase"}})
    assert decided(conclude(sums, turned, METRICS, now_ms=END_MS))["c"] == ("stop", 6)


def test_rows_hold_the_fixed_test_corrected_within_its_role() -> None:
    names = ("listening_hours", "likes", "finish_rate", "days_active")
    sums = given(**dict.fromkeys(names, (5.0, 5.06, 5.04)))
    question = asked(primary=names[:2], secondary=names[2:], correction="benjamini_hochberg")
    found = conclude(sums, question, METRICS, now_ms=END_MS)
    for own in (names[:2], names[2:]):
        rows = [row for row in found.rows if row.metric in own]
        p_values = [row.p_value for row in rows]
        assert [row.adjusted_p_value for row in rows] == list(
            adjust(p_values, "benjamini_hochberg")
        )
        for row in rows:
            arms = sums.metrics[row.metric]
            effect = fixed_horizon(arms["a"], arms[row.variation])
            assert row.difference.model_dump() == effect.difference.model_dump()
            assert row.relative is not None
            assert effect.relative is not None
            assert row.relative.model_dump() == effect.relative.model_dump()


def test_a_fixed_test_is_not_read_before_its_end() -> None:
    sums = given(listening_hours=(5, 6, 4))
    question = asked(primary=["listening_hours"])
    early = conclude(sums, question, METRICS, now_ms=END_MS - 1)
    assert not early.is_complete
    assert decided(early) == {"b": ("hold", 7), "c": ("hold", 7)}
    assert "read once" in early.decisions[0].line
    planned = question.model_copy(update={"planned_listeners": 6000})
    assert decided(conclude(sums, planned, METRICS, now_ms=0)) == {
        "b": ("ship", 5),
        "c": ("stop", 3),
    }


def test_a_broken_split_holds_everything() -> None:
    sums = given(listening_hours=(5, 6, 5)).model_copy(
        update={"listeners": {"a": 2000, "b": 2000, "c": 1200}}
    )
    found = conclude(sums, asked(primary=["listening_hours"]), METRICS, now_ms=END_MS)
    assert decided(found) == {"b": ("hold", 1), "c": ("hold", 1)}
    weighted = asked(primary=["listening_hours"], weights=(20, 20, 12))
    assert decided(conclude(sums, weighted, METRICS, now_ms=END_MS))["b"] == ("ship", 5)


def test_without_a_goal_that_can_be_compared_nothing_is_decided() -> None:
    sums = given(listening_hours=(5, 6, 5))
    assert decided(conclude(sums, asked(), METRICS, now_ms=END_MS))["b"] == ("hold", 7)
    question = asked(primary=["listening_hours", "likes"])
    found = conclude(sums, question, METRICS, now_ms=END_MS)
    assert decided(found)["b"] == ("hold", 7)
    assert "likes" in found.decisions[0].line
    assert any("likes is not compared" in note for note in found.notes)


def test_nothing_ships_past_a_guardrail_that_cannot_be_read() -> None:
    sums = given(listening_hours=(5, 6, 4))
    question = asked(primary=["listening_hours"], guardrails=["skip_rate"])
    found = conclude(sums, question, METRICS, now_ms=END_MS)
    assert decided(found) == {"b": ("hold", 7), "c": ("stop", 3)}
    assert "skip_rate" in found.decisions[0].line


def test_a_guardrail_that_is_harmed_stops_though_a_goal_is_missing() -> None:
    sums = given(skip_rate=(5, 6, 5))
    question = asked(primary=["likes"], guardrails=["skip_rate"])
    found = conclude(sums, question, METRICS, now_ms=END_MS)
    assert decided(found) == {"b": ("stop", 2), "c": ("hold", 7)}


def test_a_metric_that_cannot_be_compared_yet_is_told_and_left_out() -> None:
    sums = given(listening_hours=(5, 6, 5), likes=(5, 5, 5))
    del sums.metrics["likes"]["c"]
    found = conclude(sums, asked(primary=["listening_hours"]), METRICS, now_ms=END_MS)
    assert {row.metric for row in found.rows} == {"listening_hours"}
    assert found.notes == ["likes is not compared: nobody's window is over in variation 'c'."]


def test_roles_need_a_direction_and_guardrails_a_margin() -> None:
    sums = given(joy=(5, 6, 5))
    with pytest.raises(ExperimentError, match=r"goal 'joy' is not declared.*directions"):
        conclude(sums, asked(primary=["joy"]), METRICS, now_ms=END_MS)
    told = {"guardrails": ["joy"], "directions": {"joy": "increase"}}
    with pytest.raises(ExperimentError, match="'joy' has no margin"):
        conclude(sums, asked(**told), METRICS, now_ms=END_MS)
    found = conclude(sums, asked(**told, margins={"joy": 0.1}), METRICS, now_ms=END_MS)
    assert [row.standing for row in found.rows] == ["safe", "safe"]
    assert conclude(sums, asked(), METRICS, now_ms=END_MS).rows[0].role == "watched"


def test_another_control_is_refused_and_missing_counts_are_said() -> None:
    sums = given(likes=(5, 5, 5))
    with pytest.raises(ExperimentError, match="have the control 'a'"):
        conclude(sums, asked(variations=("b", "a")), METRICS, now_ms=END_MS)
    silent = sums.model_copy(update={"listeners": {}})
    found = conclude(silent, asked(primary=["likes"]), METRICS, now_ms=END_MS)
    assert found.sample_ratio.counts == {"a": 2000, "b": 2000, "c": 2000}
    assert "name no listeners" in found.notes[0]


def test_the_method_follows_the_plan() -> None:
    one, other = arm(1, 5.0), arm(2, 5.1)
    often = asked(method="always_valid", planned_listeners=30_000)
    assert method_of(often, 6000, ())(one, other) == always_valid(
        one, other, AlwaysValidConfig(tuning=20_000)
    )
    planned = asked(method="group_sequential", planned_listeners=9000)
    expected = planned_look(GroupSequentialConfig(planned_listeners=9000), [3000, 6000])
    # A look that is read again is the same look, not another one.
    for looks in ((3000,), (3000, 6000)):
        assert method_of(planned, 6000, looks)(one, other) == expected.compare(one, other)
    last = planned_look(GroupSequentialConfig(planned_listeners=9000), [3000, 6000, 9000])
    late = method_of(planned, 9400, (3000, 6000))
    assert late(one, other) == last.compare(one, other)


def test_intervals_without_bounds_are_null_in_json() -> None:
    sums = ExperimentAggregates(
        control="a", metrics={"likes": {key: arm(1, 5.0, 20) for key in "abc"}}
    )
    found = conclude(sums, asked(method="always_valid"), METRICS, now_ms=END_MS)
    assert found.rows[0].difference.low is None
    assert found.rows[0].outcome == "unclear"
