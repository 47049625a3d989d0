"""From aggregates to effects and one decision a variation; nothing here reads a file or a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from core.errors import ExperimentError
from pipelines.experiments.analysis.figures import DecisionRow, MetricRow, Span
from pipelines.experiments.analysis.looks import method_of
from pipelines.experiments.measuring.metrics import Metric
from pipelines.experiments.question import Direction, Question, Role
from pipelines.experiments.sequential.sample_ratio import SampleRatio, sample_ratio
from pipelines.experiments.statistics.aggregate_file import ExperimentAggregates
from pipelines.experiments.statistics.aggregates import Aggregate
from pipelines.experiments.statistics.comparisons import Comparison, compare
from pipelines.experiments.statistics.contrasts import contrast
from pipelines.experiments.statistics.decisions import (
    Decision,
    Finding,
    Margin,
    decide,
    non_inferiority,
)

HARM = (2, 3)  # rules that one metric is enough for


class Declared(NamedTuple):
    """What a metric counts for, and which way it should go."""

    role: Role
    direction: Direction
    margin: float | None


@dataclass(frozen=True)
class Conclusions:
    """What the aggregates of an experiment say."""

    sample_ratio: SampleRatio
    rows: list[MetricRow]
    decisions: list[DecisionRow]
    is_complete: bool
    notes: list[str]


def conclude(
    given: ExperimentAggregates,
    question: Question,
    declared: Mapping[str, Metric],
    *,
    now_ms: int,
    looks: tuple[int, ...] = (),
) -> Conclusions:
    """Compare every variation with the control and decide.

    Args:
        given: Aggregates; variations that the question does not name are not compared.
        question: The experiment.
        declared: The metric file: directions and margins that the question does not give itself.
        now_ms: When it is asked, UTC milliseconds.
        looks: Listeners of all variations at earlier looks.

    Raises:
        ExperimentError: The variations or metrics do not fit the question.
    """
    counts, notes = _counts(given, question)
    roles = _roles(given, question, declared)
    ratio = sample_ratio(counts, question.shares)
    total = sum(counts.values())
    is_complete = _is_complete(question, total, now_ms)
    usable, missing = _usable(given, question)
    notes += missing
    families = {name: roles[name].role for name in usable.metrics}
    found = compare(
        usable,
        method=method_of(question, total, looks),
        correction=question.correction,
        families=families,
    )
    findings = [(one, _finding(one, roles[one.metric])) for one in found]
    deciding = (*question.primary, *question.guardrails)
    lost = [name for name in deciding if name not in usable.metrics]
    decisions = []
    for name in question.variations[1:]:
        own = [finding for one, finding in findings if one.variation == name]
        made = _decide(own, question, ratio, lost, is_complete=is_complete)
        row = DecisionRow(variation=name, verdict=made.verdict, rule=made.rule, line=made.line)
        decisions.append(row)
    rows = [_row(one, finding, usable.metrics[one.metric], question) for one, finding in findings]
    return Conclusions(ratio, rows, decisions, is_complete, notes)


def _counts(given: ExperimentAggregates, question: Question) -> tuple[dict[str, int], list[str]]:
    if given.control != question.control:
        raise ExperimentError(
            f"aggregates have the control {given.control!r} and experiment {question.key!r} has "
            f"{question.control!r}; name the same one first in both"
        )
    if given.listeners:
        return {name: given.listeners.get(name, 0) for name in question.variations}, []
    counts = {
        name: max([0, *(of[name].n for of in given.metrics.values() if name in of)])
        for name in question.variations
    }
    return counts, [
        "The aggregates name no listeners, so the sample ratio is that of the metric with most."
    ]


def _roles(
    given: ExperimentAggregates, question: Question, declared: Mapping[str, Metric]
) -> dict[str, Declared]:
    """Return each metric's role, or refuse what cannot be decided by."""
    found: dict[str, Declared] = {}
    for name in dict.fromkeys((*question.metrics, *given.metrics)):
        role, metric = question.role(name), declared.get(name)
        direction = question.directions.get(name, metric.direction if metric else None)
        margin = question.margins.get(name, metric.margin if metric else None)
        if role != "watched" and direction is None:
            raise ExperimentError(
                f"{role} {name!r} is not declared, so nobody knows which way is better; add it to "
                "the metric file, or to `directions` of the experiment"
            )
        if role == "guardrail" and margin is None:
            raise ExperimentError(
                f"guardrail {name!r} has no margin; give it one in the metric file, or in "
                "`margins` of the experiment"
            )
        found[name] = Declared(role, direction or "increase", margin)
    return found


def _is_complete(question: Question, total: int, now_ms: int) -> bool:
    enough = question.planned_listeners is not None and total >= question.planned_listeners
    return enough or (question.end_ms is not None and now_ms >= question.end_ms)


def _usable(
    given: ExperimentAggregates, question: Question
) -> tuple[ExperimentAggregates, list[str]]:
    """Return the metrics that can be compared in every variation, and why the others cannot."""
    metrics: dict[str, dict[str, Aggregate]] = {}
    notes = [
        f"{name} is not compared: it has no aggregate of the control."
        for name in question.metrics
        if name not in given.metrics
    ]
    for name, of in given.metrics.items():
        own = {key: of[key] for key in question.variations if key in of}
        try:
            _check_metric(own, question)
        except ExperimentError as error:
            notes.append(f"{name} is not compared: {error}.")
        else:
            metrics[name] = own
    return given.model_copy(update={"metrics": metrics}), notes


def _check_metric(of: Mapping[str, Aggregate], question: Question) -> None:
    for name in question.variations:
        if name not in of:
            raise ExperimentError(f"nobody's window is over in variation {name!r}")
        if name != question.control:
            contrast(of[question.control], of[name])


def _finding(one: Comparison, declared: Declared) -> Finding:
    margin = declared.margin if declared.role == "guardrail" else None
    return Finding(
        metric=one.metric,
        effect=one.effect,
        adjusted_p_value=one.adjusted_p_value,
        wanted=declared.direction,
        role=declared.role,
        margin=None if margin is None else Margin(size=margin),
    )


def _decide(
    findings: list[Finding],
    question: Question,
    ratio: SampleRatio,
    lost: list[str],
    *,
    is_complete: bool,
) -> Decision:
    """Apply the rule, but where there is nothing that it may be applied to yet."""
    made = decide(findings, ratio, is_complete=is_complete, alpha=question.alpha)
    if made.rule == 1:
        return made
    if not question.primary:
        return Decision(verdict="hold", rule=7, reason="no goal is named to decide by")
    if question.method == "fixed_horizon" and not is_complete:
        reason = "a fixed test is read once, when the experiment is complete"
        return Decision(verdict="hold", rule=7, reason=reason)
    if lost and made.rule not in HARM:
        reason = f"not every goal and guardrail can be compared yet: {', '.join(lost)}"
        return Decision(verdict="hold", rule=7, reason=reason)
    return made


def _row(
    one: Comparison, finding: Finding, of: Mapping[str, Aggregate], question: Question
) -> MetricRow:
    gain, effect = finding.gain(), one.effect
    assert gain is not None
    is_guardrail = finding.role == "guardrail"
    return MetricRow(
        metric=one.metric,
        variation=one.variation,
        role=finding.role,
        direction=finding.wanted,
        listeners_control=of[question.control].n,
        listeners=of[one.variation].n,
        control=effect.control,
        treatment=effect.treatment,
        difference=Span.of(effect.difference),
        p_value=effect.p_value,
        adjusted_p_value=one.adjusted_p_value,
        relative=None if effect.relative is None else Span.of(effect.relative),
        variance_kept=effect.variance_kept,
        outcome="better" if gain.low > 0 else "worse" if gain.high < 0 else "unclear",
        margin=finding.margin.size if finding.margin else None,
        standing=non_inferiority(finding) if is_guardrail else None,
    )
