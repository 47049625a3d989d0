"""What an analysis reports."""

from __future__ import annotations

from typing import Any

from pipelines.experiments.analysis.figures import (
    DecisionRow,
    InteractionRow,
    ListenersRow,
    MetricRow,
    NoveltyRow,
    OverlapRow,
    Row,
    SegmentRow,
    Span,
)
from pipelines.experiments.measuring.listeners import Excluded, Trigger
from pipelines.experiments.question import MethodName
from pipelines.experiments.statistics.corrections import CorrectionName
from pipelines.experiments.statistics.decisions import RULES
from pipelines.job import Report


class SampleRatioRow(Row):
    """Whether listeners arrived as planned."""

    p_value: float
    """Always-valid."""
    fixed_p_value: float
    """Of Pearson's test, for those who look once."""
    is_broken: bool


class AnalysisReport(Report):
    """What an experiment found."""

    key: str
    at: int
    """When it was asked, UTC milliseconds."""
    control: str
    method: MethodName
    alpha: float
    correction: CorrectionName
    is_complete: bool
    """Whether it has the listeners planned for it, or its end has passed."""
    is_triggered: bool
    """Whether only listeners with a page that differs are counted."""
    decisions: list[DecisionRow]
    rules: tuple[str, ...] = RULES
    """The rules a decision is made by; the first that matches wins."""
    listeners: list[ListenersRow]
    sample_ratio: SampleRatioRow
    excluded: Excluded | None
    """Null where aggregates came from elsewhere."""
    triggers: list[Trigger]
    metrics: list[MetricRow]
    segments: list[SegmentRow]
    interactions: list[InteractionRow]
    overlaps: list[OverlapRow]
    overlap_interactions: list[InteractionRow]
    novelty: list[NoveltyRow]
    notes: list[str]
    """What could not be compared, and why."""

    def brief(self) -> dict[str, Any]:
        """Return what fits on a terminal: decisions, listeners and metrics, and whatever alarms."""
        found: dict[str, Any] = {
            "control": self.control,
            "method": self.method.replace("_", " "),
            "complete": self.is_complete,
            "sample ratio": "broken" if self.sample_ratio.is_broken else "as planned",
        }
        if self.excluded is not None:
            found |= {f"excluded {k}": v for k, v in self.excluded.model_dump().items()}
        found["listeners by variation"] = [row.model_dump() for row in self.listeners]
        found["metrics"] = [_metric_line(row) for row in self.metrics]
        alarms = [*self.interactions, *self.overlap_interactions]
        found["interactions"] = [row.model_dump() for row in alarms if row.differs]
        if self.is_triggered:
            found["triggers"] = [row.model_dump() for row in self.triggers]
        return {name: value for name, value in found.items() if value != []}


class BriefReport(Report):
    """An analysis as a terminal shows it."""

    full: AnalysisReport

    def document(self) -> dict[str, Any]:
        """Return the brief form."""
        return self.full.brief()


def _metric_line(row: MetricRow) -> dict[str, Any]:
    return {
        "metric": row.metric,
        "variation": row.variation,
        "role": row.role,
        "control": row.control,
        "treatment": row.treatment,
        "difference": _shown(row.difference),
        "p": row.p_value,
        "adjusted p": row.adjusted_p_value,
        "relative": _percent(row.relative),
        "outcome": row.standing or row.outcome,
    }


def _shown(span: Span) -> str:
    if span.low is None or span.high is None:
        return f"{span.estimate:+.4g} [unknown]"
    return f"{span.estimate:+.4g} [{span.low:+.4g}, {span.high:+.4g}]"


def _percent(span: Span | None) -> str:
    if span is None or span.low is None or span.high is None:
        return "-"
    return f"{span.estimate:+.2%} [{span.low:+.2%}, {span.high:+.2%}]"
