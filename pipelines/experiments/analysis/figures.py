"""The rows that an analysis reports, ready for JSON: an end that data do not bound is null."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipelines.experiments.question import Direction, Role
from pipelines.experiments.statistics.decisions import Standing, Verdict
from pipelines.experiments.statistics.effects import Interval


class Row(BaseModel):
    """One row of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(Row):
    """An estimate with the ends of its interval."""

    estimate: float
    """The estimate."""
    low: float | None
    """Lower end; null where data do not bound it."""
    high: float | None
    """Upper end; null where data do not bound it."""

    @classmethod
    def of(cls, found: Interval) -> Span:
        """Return an interval as JSON can hold it."""
        low, high = (end if math.isfinite(end) else None for end in (found.low, found.high))
        return cls(estimate=found.estimate, low=low, high=high)


class DecisionRow(Row):
    """What to do with one variation."""

    variation: str
    verdict: Verdict
    rule: int
    line: str


class ListenersRow(Row):
    """How many listeners one variation has, and how many the plan gives it."""

    variation: str
    listeners: int
    expected: float


class MetricRow(Row):
    """One metric of one variation beside the control."""

    metric: str
    variation: str
    role: Role
    direction: Direction
    listeners_control: int
    listeners: int
    control: float
    treatment: float
    difference: Span
    p_value: float
    adjusted_p_value: float
    relative: Span | None
    """None where the control's level may be 0."""
    variance_kept: float
    """What CUPED left of the variance; 1 without it."""
    outcome: Literal["better", "worse", "unclear"]
    """What the whole interval says, before any correction."""
    margin: float | None
    """A guardrail's, as a share of the control's level."""
    standing: Standing | None
    """Whether a guardrail kept it."""


class SegmentRow(Row):
    """One metric of one variation among the listeners of one segment."""

    family: str
    segment: str
    metric: str
    variation: str
    listeners: int
    """Of control and variation."""
    difference: Span
    relative: Span | None
    p_value: float


class InteractionRow(Row):
    """Whether an effect is the same in all segments of a family."""

    family: str
    metric: str
    variation: str
    segments: int
    statistic: float
    """Cochran's Q."""
    p_value: float
    adjusted_p_value: float
    """After Holm's correction over all families, metrics and variations."""
    differs: bool
    """Whether that is at or below alpha."""


class OverlapRow(Row):
    """Another experiment that the same listeners were in."""

    experiment: str
    listeners: int
    """Listeners of this experiment who are in it."""
    independence_p_value: float
    """Of both experiments splitting listeners independently; a small one says that their hashes
    are tied, and both effects are told as one."""


class NoveltyRow(Row):
    """The effect on one day since the exposure."""

    metric: str
    variation: str
    day: int
    listeners: int
    """Of control and variation, whose day is over."""
    difference: Span
    relative: Span | None
