"""How large and long an experiment has to be, reckoned from the team's own past."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict, Field

from core.errors import ExperimentError
from pipelines.experiments.analysis.figures import Row
from pipelines.experiments.measuring.cells import aggregate_cells
from pipelines.experiments.planning.inflation import inflation
from pipelines.experiments.planning.past import Past
from pipelines.experiments.question import MethodName
from pipelines.experiments.statistics.aggregates import Aggregate
from pipelines.experiments.statistics.contrasts import contrast
from pipelines.experiments.statistics.power import (
    PowerConfig,
    days_needed,
    listeners_needed,
    minimal_effect,
)
from pipelines.job import Report


class Plan(BaseModel):
    """What is looked for, with which risks, in which part of the traffic."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    effect: float = Field(default=0.02, gt=0)
    """The smallest change worth finding, as a share of the metric's level."""
    days: int = Field(default=14, ge=1, le=365)
    """How long an experiment may last; as many of the past days are measured."""
    variations: int = Field(default=2, ge=2, le=100)
    """Variations with the control, of equal size."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Share of listeners that enters the experiment."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Two-sided share of false alarms of the whole experiment."""
    power: float = Field(default=0.8, gt=0, lt=1)
    """Chance to find the effect."""
    method: MethodName = "always_valid"
    """How often one may look."""
    looks: int = Field(default=5, ge=1, le=100)
    """Planned looks of `group_sequential`."""

    @property
    def risks(self) -> PowerConfig:
        """Of one comparison: alpha is shared by the variations, as Bonferroni does."""
        return PowerConfig(alpha=self.alpha / (self.variations - 1), power=self.power)


class PowerRow(Row):
    """What one metric needs."""

    metric: str
    level: float
    """In the past."""
    listeners: int
    """Measured in the past, whose window is over."""
    deviation: float
    """Standard deviation of a listener, after CUPED."""
    correlation: float
    """CUPED's rho: with what the same listener did before."""
    effect: float
    """Looked for, in the metric's unit."""
    listeners_needed: int | None
    """Of all variations; null where no traffic would do."""
    days_needed: int | None
    """Of the team's own traffic, with the metric's window; null where it never comes."""
    is_extrapolated: bool
    """Whether that is beyond the days measured."""
    smallest_effect: float | None
    """What the planned days find, as a share of the level; null without enough listeners."""


class PowerReport(Report):
    """What every metric needs before the start."""

    plan: Plan
    inflation: float
    """Listeners over those of a fixed test, for being allowed to look earlier."""
    traffic: list[float]
    """Different listeners until the end of each measured day."""
    metrics: list[PowerRow]
    notes: list[str]


def plan_power(past: Past, plan: Plan) -> PowerReport:
    """Reckon what each metric needs.

    Args:
        past: Measured over the plan's days.
        plan: What is looked for.
    """
    factor = inflation(plan.method, plan.risks, plan.looks)
    traffic = past.traffic()
    rows, notes = [], []
    for name, metric in past.values.metrics.items():
        columns = past.values.columns(name)
        (found,) = aggregate_cells(columns, past.values.arrivals.arm, 1)
        try:
            rows.append(_row(name, found, plan, factor, traffic, metric.reach_days))
        except ExperimentError as error:
            notes.append(f"{name}: {error}")
    return PowerReport(plan=plan, inflation=factor, traffic=traffic, metrics=rows, notes=notes)


def _row(
    name: str,
    found: Aggregate | None,
    plan: Plan,
    factor: float,
    traffic: list[float],
    reach_days: float,
) -> PowerRow:
    if found is None:
        raise ExperimentError("nobody's window is over in the days measured; measure more days")
    same = contrast(found, found)
    if not same.control:
        raise ExperimentError("its level is 0 in the past, so a share of it is nothing")
    effect = plan.effect * abs(same.control)
    compared = 2 / plan.variations  # of the experiment's listeners, in one comparison
    needed = _needed(found, effect, plan, factor)
    days, is_extrapolated = _days(needed, traffic, plan, reach_days)
    ready = traffic[max(len(traffic) - 1 - math.ceil(reach_days), 0)] * plan.share * compared
    smallest = minimal_effect(found, ready / factor, plan.risks) if ready >= 4 else None
    return PowerRow(
        metric=name,
        level=same.control,
        listeners=found.n,
        deviation=math.sqrt(same.variance * found.n / 2),
        correlation=math.sqrt(max(0.0, 1 - same.variance_kept)),
        effect=effect,
        listeners_needed=needed,
        days_needed=days,
        is_extrapolated=is_extrapolated,
        smallest_effect=None if smallest is None else smallest / abs(same.control),
    )


def _needed(found: Aggregate, effect: float, plan: Plan, factor: float) -> int | None:
    try:
        pair = listeners_needed(found, effect, plan.risks)
    except ExperimentError:  # no traffic would do
        return None
    return math.ceil(pair * factor * plan.variations / 2)


def _days(
    needed: int | None, traffic: list[float], plan: Plan, reach_days: float
) -> tuple[int | None, bool]:
    if needed is None:
        return None, False
    try:
        found = days_needed(needed, traffic, plan.share)
    except ExperimentError:  # traffic has become flat below it
        return None, False
    return found.days + math.ceil(reach_days), found.is_extrapolated
