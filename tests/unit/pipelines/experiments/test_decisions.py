"""Each rule matches where its words say so, and before those that come after it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.experiments.sequential.sample_ratio import sample_ratio
from pipelines.experiments.statistics.decisions import (
    Decision,
    Finding,
    Margin,
    decide,
    non_inferiority,
)
from pipelines.experiments.statistics.effects import Effect, Interval

SOUND = sample_ratio({"control": 5000, "fresh": 5010})
BROKEN = sample_ratio({"control": 5000, "fresh": 6000})


def finding(low: float, high: float, **changes: Any) -> Finding:
    """Build a finding on a control of 10, so that relative ends are a tenth of absolute ones."""
    middle = (low + high) / 2
    effect = Effect(
        control=10.0,
        treatment=10.0 + middle,
        difference=Interval(estimate=middle, low=low, high=high),
        relative=Interval(estimate=middle / 10, low=low / 10, high=high / 10),
        p_value=0.001 if low > 0 or high < 0 else 0.5,
        n=10_010,
        variance_kept=1.0,
    )
    given = {"metric": "hours", "effect": effect, "adjusted_p_value": effect.p_value} | changes
    return Finding.model_validate(given)


def goal(low: float, high: float, **changes: Any) -> Finding:
    return finding(low, high, role="goal", **changes)


def guardrail(low: float, high: float, **changes: Any) -> Finding:
    given = {"metric": "skips", "role": "guardrail", "margin": Margin(size=0.02)} | changes
    return finding(low, high, **given)


BETTER, WORSE, UNKNOWN = goal(0.1, 0.3), goal(-0.3, -0.1), goal(-0.1, 0.2)
SAFE, HARMED, UNSURE = guardrail(-0.1, 0.1), guardrail(-0.9, -0.3), guardrail(-0.3, 0.1)


@pytest.mark.parametrize(
    ("findings", "is_complete", "verdict", "rule"),
    [
        ([BETTER, HARMED], True, "stop", 2),
        ([BETTER, WORSE], True, "stop", 3),
        ([UNKNOWN, UNSURE], False, "hold", 4),
        ([BETTER, UNSURE], True, "hold", 4),
        ([BETTER, SAFE], False, "ship", 5),
        ([UNKNOWN, SAFE], True, "stop", 6),
        ([UNKNOWN, UNSURE], True, "stop", 6),
        ([UNKNOWN, SAFE], False, "hold", 7),
        ([goal(0.1, 0.3, adjusted_p_value=0.06)], False, "hold", 7),
        ([finding(0.1, 0.3)], False, "hold", 7),
        ([], True, "stop", 6),
    ],
)
def test_the_rule_is_followed(
    findings: list[Finding], is_complete: bool, verdict: str, rule: int
) -> None:
    found = decide(findings, SOUND, is_complete=is_complete)
    assert (found.verdict, found.rule) == (verdict, rule)
    broken = decide(findings, BROKEN, is_complete=is_complete)
    assert (broken.verdict, broken.rule) == ("hold", 1)
    assert "fresh 6,000 (expected 5,500)" in broken.reason


def test_the_line_names_metric_and_figures() -> None:
    assert decide([BETTER, SAFE], SOUND, is_complete=True).line == (
        "SHIP: better, and every guardrail within its margin: "
        "hours +2.00% [+1.00%, +3.00%] (rule 5)"
    )


def test_figures_are_absolute_where_no_relative_effect_is_known() -> None:
    bare = BETTER.model_copy(update={"effect": BETTER.effect.model_copy(update={"relative": None})})
    assert "hours +0.2 [+0.1, +0.3]" in decide([bare], SOUND, is_complete=True).line
    open_ended = Interval(estimate=0.2, low=float("-inf"), high=float("inf"))
    effect = bare.effect.model_copy(update={"difference": open_ended})
    unknown = bare.model_copy(update={"effect": effect})
    assert "hours +0.2 [unknown]" in decide([unknown], SOUND, is_complete=False).line


def test_margins_are_relative_or_in_the_metrics_unit() -> None:
    assert non_inferiority(guardrail(-0.15, 0.1)) == "safe"
    assert non_inferiority(guardrail(-0.15, 0.1, margin=Margin(size=0.1, is_relative=False))) == (
        "unsure"
    )
    assert non_inferiority(guardrail(-0.4, -0.3)) == "harmed"
    assert non_inferiority(guardrail(0.0, 0.0, margin=Margin(size=0))) == "safe"


def test_a_relative_margin_needs_a_relative_effect() -> None:
    effect = SAFE.effect.model_copy(update={"relative": None})
    assert non_inferiority(SAFE.model_copy(update={"effect": effect})) == "unsure"


def test_a_guardrail_without_margin_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs a margin"):
        guardrail(0, 1, margin=None)


@given(
    ends=st.lists(
        st.tuples(st.floats(-1, 1), st.floats(0, 1), st.sampled_from(["goal", "guardrail"])),
        max_size=4,
    ),
    is_complete=st.booleans(),
)
def test_less_of_what_should_be_less_is_more_of_what_should_be_more(
    ends: list[tuple[float, float, str]], is_complete: bool
) -> None:
    def verdict(sign: int) -> Decision:
        wanted = "increase" if sign == 1 else "decrease"
        found = [
            finding(
                *sorted((sign * low, sign * (low + width))),
                role=role,
                margin=Margin(size=0.01),
                wanted=wanted,
            )
            for low, width, role in ends
        ]
        return decide(found, SOUND, is_complete=is_complete)

    up, down = verdict(1), verdict(-1)
    assert (up.verdict, up.rule) == (down.verdict, down.rule)
