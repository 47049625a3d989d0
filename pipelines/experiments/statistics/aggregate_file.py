"""The aggregates of a whole experiment, as a team that computed them elsewhere hands them in."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import ExperimentError
from pipelines.experiments.statistics.aggregates import Aggregate


class ExperimentAggregates(BaseModel):
    """Every metric of every variation, and how many listeners were assigned to each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    control: str = Field(min_length=1)
    """The variation that the others are compared with."""
    metrics: dict[str, dict[str, Aggregate]]
    """Metric name, then variation, then its aggregate."""
    listeners: dict[str, int] = Field(default_factory=dict)
    """Listeners exposed to each variation, for the sample-ratio test; taken from no metric."""
    weights: dict[str, float] = Field(default_factory=dict)
    """The share of traffic that each variation was meant to get; equal where left out."""

    @model_validator(mode="after")
    def _metrics_can_be_compared(self) -> Self:
        for name, variations in self.metrics.items():
            if self.control not in variations:
                raise ValueError(
                    f"metric {name!r} has no aggregate of the control {self.control!r}"
                )
            if len({of.variables for of in variations.values()}) > 1:
                raise ValueError(f"metric {name!r} keeps different variables in its variations")
        if self.weights and set(self.weights) != set(self.listeners):
            raise ValueError("weights and listeners name different variations")
        return self

    def merge(self, other: ExperimentAggregates) -> ExperimentAggregates:
        """Add listeners that are not among these yet, such as another day's or shard's.

        Raises:
            ExperimentError: The two are of different metrics or variations.
        """
        shape = {name: sorted(found) for name, found in self.metrics.items()}
        if self.control != other.control or shape != {
            name: sorted(found) for name, found in other.metrics.items()
        }:
            raise ExperimentError(
                "these aggregates are of different metrics or variations and cannot be added; "
                "aggregate both parts with the same experiment and metric file"
            )
        metrics = {
            name: {key: of.merge(other.metrics[name][key]) for key, of in variations.items()}
            for name, variations in self.metrics.items()
        }
        keys = {**self.listeners, **other.listeners}
        listeners = {key: self.listeners.get(key, 0) + other.listeners.get(key, 0) for key in keys}
        return self.model_copy(update={"metrics": metrics, "listeners": listeners})


def read_aggregates(path: Path) -> ExperimentAggregates:
    """Read aggregates from a JSON file.

    Raises:
        ExperimentError: The file is missing, no JSON, or breaks the schema; every fault is named.
    """
    try:
        return ExperimentAggregates.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ExperimentError(f"aggregates {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'file'}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        )
        raise ExperimentError(
            f"aggregates {path} cannot be used: {faults}; correct these and read the file again"
        ) from error
