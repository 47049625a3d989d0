"""Reads metric declarations: the ready ones, or a team's own file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import ExperimentError
from pipelines.experiments.measuring.metrics import Metric
from pipelines.experiments.question import faults_of

READY = Path(__file__).parent / "ready.toml"


class MetricFile(BaseModel):
    """A file of metrics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: dict[str, Metric] = Field(min_length=1)
    """Metrics by name."""


def read_metrics(path: Path | None = None) -> dict[str, Metric]:
    """Read the metrics of a TOML file; the ready ones without a file.

    Raises:
        ExperimentError: The file is missing, no TOML, or breaks the schema; every fault is named.
    """
    chosen = path or READY
    try:
        values = tomllib.loads(chosen.read_text(encoding="utf-8"))
        return MetricFile.model_validate(values).metrics
    except OSError as error:
        raise ExperimentError(f"metrics {chosen} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ExperimentError(f"metrics {chosen} cannot be used: {faults_of(error)}") from error
    except ValueError as error:
        raise ExperimentError(f"metrics {chosen} is not TOML: {error}") from error


def chosen_metrics(declared: dict[str, Metric], names: Iterable[str]) -> dict[str, Metric]:
    """Return the named metrics, in the order of the names.

    Raises:
        ExperimentError: Names that are not declared, with those that are.
    """
    names = list(names)
    unknown = [name for name in names if name not in declared]
    if unknown:
        raise ExperimentError(
            f"metrics {', '.join(map(repr, unknown))} are not declared; declared are "
            f"{', '.join(declared)}: correct the experiment, or add them to the metric file"
        )
    return {name: declared[name] for name in names}
