"""Turns intervals into one line: ship, hold or stop, and why.

The first of `RULES` that matches wins. "Certainly" means that the whole interval says so. Intervals
must be valid for the number of looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.experiments.sequential.sample_ratio import SampleRatio
from pipelines.experiments.statistics.effects import Effect, Interval

Verdict = Literal["ship", "hold", "stop"]
Standing = Literal["harmed", "safe", "unsure"]


RULES: tuple[str, ...] = (
    "hold, if listeners did not arrive as planned: until that is explained, trust no figure",
    "stop, if a guardrail is certainly worse than its margin allows",
    "stop, if a goal is certainly worse than in the control",
    (
        "hold, if a guardrail may still be worse than its margin allows, unless the experiment is "
        "complete and no goal is better"
    ),
    "ship, if a goal is certainly better, after correction for the number of goals",
    "stop, if the experiment is complete: no goal is better at the size that was planned for it",
    "hold, because it is not complete",
)
"""In order; the number of a rule counts from 1."""


class Margin(BaseModel):
    """How much worse a guardrail may become."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: float = Field(ge=0)
    """In the metric's unit, or as a share of the control's level."""
    is_relative: bool = True
    """Whether `size` is a share: 0.01 lets the metric become 1 % worse."""


class Finding(BaseModel):
    """One metric's effect and what it counts for in the decision."""

    model_config = ConfigDict(frozen=True)

    metric: str
    """Its name."""
    effect: Effect
    """Of one variation, with an interval valid for the number of looks."""
    adjusted_p_value: float = Field(ge=0, le=1)
    """After correction within the goals."""
    wanted: Literal["increase", "decrease"] = "increase"
    """Which way is better."""
    role: Literal["goal", "guardrail", "watched"] = "watched"
    """`goal` must improve, `guardrail` must not become worse, `watched` is only shown."""
    margin: Margin | None = None
    """A guardrail's margin."""

    @model_validator(mode="after")
    def _a_guardrail_has_a_margin(self) -> Self:
        if self.role == "guardrail" and self.margin is None:
            raise ValueError(f"guardrail {self.metric!r} needs a margin")
        return self

    def gain(self, *, relative: bool = False) -> Interval | None:
        """Return the effect with better counted upwards; None where no relative one is known."""
        found = self.effect.relative if relative else self.effect.difference
        if found is None or self.wanted == "increase":
            return found
        return Interval(estimate=-found.estimate, low=-found.high, high=-found.low)


class Decision(BaseModel):
    """What to do with one variation."""

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    """`ship`, `hold` (go on, or explain a fault, before anything is decided) or `stop`."""
    rule: int
    """The number of the rule that matched, from 1 to 7."""
    reason: str
    """Metrics and figures that made it match."""

    @property
    def line(self) -> str:
        """The decision as a line of text."""
        return f"{self.verdict.upper()}: {self.reason} (rule {self.rule})"


def non_inferiority(finding: Finding) -> Standing:
    """Say whether a guardrail kept its margin: two one-sided tests by the ends of its interval."""
    margin = finding.margin
    gain = finding.gain(relative=margin.is_relative) if margin else None
    if margin is None or gain is None:
        return "unsure"
    if gain.high < -margin.size:
        return "harmed"
    return "safe" if gain.low >= -margin.size else "unsure"


def decide(
    findings: Sequence[Finding],
    sample_ratio: SampleRatio,
    *,
    is_complete: bool,
    alpha: float = 0.05,
) -> Decision:
    """Apply the rule to one variation.

    Args:
        findings: Every metric.
        sample_ratio: Of the whole experiment.
        is_complete: Whether it has the listeners that were planned for it.
        alpha: Level of the corrected p-values of goals.
    """
    if sample_ratio.is_broken:
        return _broken(sample_ratio)
    goals = [finding for finding in findings if finding.role == "goal"]
    standings = [(f, non_inferiority(f)) for f in findings if f.role == "guardrail"]
    harmed = [finding for finding, standing in standings if standing == "harmed"]
    unsure = [finding for finding, standing in standings if standing == "unsure"]
    worse = [goal for goal in goals if _is_certain(goal, alpha, better=False)]
    better = [goal for goal in goals if _is_certain(goal, alpha, better=True)]
    waits = bool(unsure) and (bool(better) or not is_complete)
    rules: tuple[tuple[bool, Verdict, int, str, Sequence[Finding]], ...] = (
        (bool(harmed), "stop", 2, "worse than the margin allows", harmed),
        (bool(worse), "stop", 3, "worse than the control", worse),
        (waits, "hold", 4, "may be worse than the margin allows", unsure),
        (bool(better), "ship", 5, "better, and every guardrail within its margin", better),
        (is_complete, "stop", 6, "not better at the planned size", goals),
        (True, "hold", 7, "not decided before the planned size", goals),
    )
    return next(_said(*rule[1:]) for rule in rules if rule[0])


def _broken(found: SampleRatio) -> Decision:
    counts = ", ".join(
        f"{name} {count:,} (expected {found.expected[name]:,.0f})"
        for name, count in found.counts.items()
    )
    reason = f"listeners did not arrive as planned: {counts}"
    return Decision(verdict="hold", rule=1, reason=reason)


def _is_certain(goal: Finding, alpha: float, *, better: bool) -> bool:
    """Harm needs no correction: one goal that is certainly worse is reason enough to stop."""
    gain = goal.gain()
    assert gain is not None
    if better:
        return gain.low > 0 and goal.adjusted_p_value <= alpha
    return gain.high < 0


def _said(verdict: Verdict, rule: int, what: str, of: Sequence[Finding]) -> Decision:
    shown = ", ".join(f"{finding.metric} {_figures(finding)}" for finding in of)
    return Decision(verdict=verdict, rule=rule, reason=f"{what}: {shown}" if shown else what)


def _figures(finding: Finding) -> str:
    relative = finding.effect.relative
    if relative is not None:
        return f"{relative.estimate:+.2%} [{relative.low:+.2%}, {relative.high:+.2%}]"
    found = finding.effect.difference
    if not math.isfinite(found.low):
        return f"{found.estimate:+.4g} [unknown]"
    return f"{found.estimate:+.4g} [{found.low:+.4g}, {found.high:+.4g}]"
