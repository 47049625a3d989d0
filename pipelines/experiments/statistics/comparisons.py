"""Compares every variation with the control in every metric, from aggregates alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from pydantic import BaseModel, ConfigDict

from core.errors import ExperimentError
from pipelines.experiments.statistics.aggregate_file import ExperimentAggregates
from pipelines.experiments.statistics.aggregates import Aggregate
from pipelines.experiments.statistics.corrections import CorrectionName, adjust
from pipelines.experiments.statistics.effects import Effect, fixed_horizon

Method = Callable[[Aggregate, Aggregate], Effect]
"""From the control's and a variation's aggregate to the effect, for the number of looks wanted."""


class Comparison(BaseModel):
    """One metric of one variation against the control."""

    model_config = ConfigDict(frozen=True)

    metric: str
    """The metric's name."""
    variation: str
    """What was compared with the control."""
    effect: Effect
    """What it changed."""
    adjusted_p_value: float
    """After correction within the metric's family and all variations."""


def compare(
    given: ExperimentAggregates,
    *,
    method: Method | None = None,
    correction: CorrectionName = "holm",
    families: Mapping[str, str] | None = None,
) -> list[Comparison]:
    """Compare all variations in all metrics.

    Args:
        given: Aggregates of the experiment.
        method: `fixed_horizon`, or `always_valid` or `group_sequential` with their settings bound;
            each metric's control and variation go in.
        correction: Within a family of metrics, over all variations.
        families: Family by metric name; those left out share one.

    Returns:
        One comparison a metric and variation, in the order of the file.

    Raises:
        ExperimentError: Aggregates that cannot be compared; metric and variation are named.
    """
    method = method or partial(fixed_horizon, alpha=0.05)
    found = [
        (metric, variation, _effect(method, metric, variation, of, given.control))
        for metric, of in given.metrics.items()
        for variation in of
        if variation != given.control
    ]
    adjusted = [0.0] * len(found)
    family_of = [(families or {}).get(metric, "") for metric, _, _ in found]
    for family in dict.fromkeys(family_of):
        members = [index for index, name in enumerate(family_of) if name == family]
        p_values = adjust([found[index][2].p_value for index in members], correction)
        for index, p_value in zip(members, p_values.tolist(), strict=True):
            adjusted[index] = p_value
    return [
        Comparison(metric=metric, variation=variation, effect=effect, adjusted_p_value=p_value)
        for (metric, variation, effect), p_value in zip(found, adjusted, strict=True)
    ]


def _effect(
    method: Method, metric: str, variation: str, of: Mapping[str, Aggregate], control: str
) -> Effect:
    try:
        return method(of[control], of[variation])
    except ExperimentError as error:
        raise ExperimentError(f"metric {metric!r}, variation {variation!r}: {error}") from error
