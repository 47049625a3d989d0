"""What an analysis has to know of an experiment, whoever tells it: a file, or the store."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.errors import ExperimentError
from pipelines.experiments.sequential.spending import SpendingName
from pipelines.experiments.statistics.corrections import CorrectionName

Role = Literal["goal", "guardrail", "watched"]
MethodName = Literal["fixed_horizon", "always_valid", "group_sequential"]
Direction = Literal["increase", "decrease"]


class Question(BaseModel):
    """One experiment as its analysis sees it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(min_length=1)
    """The experiment's key, as exposures name it."""
    variations: tuple[str, ...] = Field(min_length=2)
    """Keys of its variations; the first is the control."""
    weights: tuple[float, ...] = ()
    """The share of traffic planned for each variation; equal where left out."""
    start_ms: int = Field(default=0, ge=0)
    """When it began, UTC milliseconds; a file may write a time."""
    end_ms: int | None = Field(default=None, ge=0)
    """When it ended or is to end, UTC milliseconds; none while nobody knows."""
    primary: tuple[str, ...] = ()
    """Metrics that must become better."""
    guardrails: tuple[str, ...] = ()
    """Metrics that must not become worse than their margin."""
    secondary: tuple[str, ...] = ()
    """Metrics that are only shown."""
    directions: dict[str, Direction] = Field(default_factory=dict)
    """Which way is better, by metric; goes before the metric file."""
    margins: dict[str, float] = Field(default_factory=dict)
    """How much worse a guardrail may become, as a share of its level; before the metric file."""
    method: MethodName = "always_valid"
    """How often one may look: once (`fixed_horizon`), whenever one likes (`always_valid`), at a few
    planned looks (`group_sequential`)."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Two-sided share of false alarms."""
    correction: CorrectionName = "holm"
    """Within the goals, and within the metrics that are only shown."""
    planned_listeners: int | None = Field(default=None, ge=4)
    """Listeners of all variations at which it is complete."""
    looks: tuple[int, ...] = ()
    """Listeners of all variations at each earlier look, for `group_sequential`."""
    look_times_ms: tuple[int, ...] = ()
    """Or when the earlier looks were; how many listeners they had is counted."""
    spending: SpendingName = "obrien_fleming"
    """How `group_sequential` spreads alpha over the looks."""

    @field_validator("start_ms", "end_ms", mode="before")
    @classmethod
    def _times_may_be_written(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = datetime.fromisoformat(given)
        if isinstance(given, datetime):
            aware = given if given.tzinfo else given.replace(tzinfo=UTC)
            return round(aware.timestamp() * 1000)
        return given

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if len(set(self.variations)) < len(self.variations):
            raise ValueError(f"variations {list(self.variations)} name one twice")
        if self.weights and (len(self.weights) != len(self.variations) or min(self.weights) <= 0):
            raise ValueError(
                f"weights {list(self.weights)} do not fit {len(self.variations)} variations; give "
                "each a positive one"
            )
        if self.end_ms is not None and self.end_ms <= self.start_ms:
            raise ValueError(f"end_ms {self.end_ms} does not lie after start_ms {self.start_ms}")
        named = self.metrics
        if len(set(named)) < len(named):
            twice = sorted({name for name in named if named.count(name) > 1})
            raise ValueError(f"metrics {twice} have two roles; give each one")
        if self.method == "group_sequential" and self.planned_listeners is None:
            raise ValueError("group_sequential needs planned_listeners")
        if self.looks and self.look_times_ms:
            raise ValueError("looks and look_times_ms say the same twice; give one of them")
        return self

    @property
    def control(self) -> str:
        """The variation that the others are compared with."""
        return self.variations[0]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics, goals first."""
        return (*self.primary, *self.guardrails, *self.secondary)

    @property
    def shares(self) -> dict[str, float]:
        """The planned share of each variation, summing to 1."""
        weights = self.weights or (1.0,) * len(self.variations)
        return {
            name: weight / sum(weights)
            for name, weight in zip(self.variations, weights, strict=True)
        }

    def role(self, metric: str) -> Role:
        """Return what a metric counts for in the decision."""
        if metric in self.primary:
            return "goal"
        return "guardrail" if metric in self.guardrails else "watched"


def read_question(path: Path) -> Question:
    """Read a question from a TOML or JSON file, told apart by the suffix.

    Raises:
        ExperimentError: The file is missing, unreadable, or breaks the schema; every fault is
            named.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        return Question.model_validate(values)
    except OSError as error:
        raise ExperimentError(f"spec {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ExperimentError(f"spec {path} cannot be used: {faults_of(error)}") from error
    except ValueError as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise ExperimentError(f"spec {path} is not {kind}: {error}") from error


def faults_of(error: ValidationError) -> str:
    """Return every fault of a file in one line, each with its place."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'file'}: {fault['msg']}"
        for fault in error.errors(include_url=False)
    )
