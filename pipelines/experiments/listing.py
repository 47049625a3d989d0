"""What is told of experiments, for tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pipelines.job import Report
from ranking.experiments.lifecycle.stored import Change, StoredExperiment


class ExperimentLine(Report):
    """An experiment in a list."""

    key: str
    status: str
    revision: int
    layer: str
    coverage: float
    variations: list[str]
    primary: str
    owner: str
    created_at: int
    started_at: int | None
    stopped_at: int | None

    @classmethod
    def of(cls, found: StoredExperiment) -> ExperimentLine:
        """Describe an experiment in short."""
        spec = found.spec
        return cls(
            key=found.key,
            status=found.status,
            revision=found.revision,
            layer=spec.layer,
            coverage=spec.coverage,
            variations=[one.key for one in spec.variations],
            primary=spec.metrics.primary,
            owner=spec.owner,
            created_at=found.created_at,
            started_at=found.started_at,
            stopped_at=found.stopped_at,
        )


class ExperimentList(Report):
    """Experiments, the newest first."""

    experiments: list[ExperimentLine]

    @classmethod
    def of(cls, found: Iterable[StoredExperiment]) -> ExperimentList:
        """Describe experiments."""
        return cls(experiments=[ExperimentLine.of(one) for one in found])


class ExperimentReport(Report):
    """One experiment whole."""

    key: str
    status: str
    revision: int
    created_at: int
    updated_at: int
    started_at: int | None
    stopped_at: int | None
    spec: dict[str, Any]
    sdk: dict[str, Any]
    """As SDKs take it: what `segue experiment assign` reads."""

    @classmethod
    def of(cls, found: StoredExperiment) -> ExperimentReport:
        """Describe an experiment whole."""
        return cls(
            key=found.key,
            status=found.status,
            revision=found.revision,
            created_at=found.created_at,
            updated_at=found.updated_at,
            started_at=found.started_at,
            stopped_at=found.stopped_at,
            spec=found.spec.model_dump(mode="json"),
            sdk=found.document.document(),
        )


class ChangeLine(Report):
    """One change."""

    revision: int
    action: str
    at: int
    who: str
    why: str
    status: str
    spec: dict[str, Any]
    """What the experiment was after it."""


class ChangeBrief(Report):
    """One change without what came of it."""

    revision: int
    action: str
    at: str
    who: str
    why: str

    @classmethod
    def of(cls, change: ChangeLine) -> ChangeBrief:
        """Describe a change in short."""
        at = datetime.fromtimestamp(change.at / 1000, UTC)
        return cls(
            revision=change.revision,
            action=change.action,
            at=f"{at:%Y-%m-%d %H:%M:%S} UTC",
            who=change.who,
            why=change.why,
        )


class BriefHistory(Report):
    """Every change of an experiment in short, the first one first."""

    changes: list[ChangeBrief]


class History(Report):
    """Every change of an experiment, the first one first."""

    changes: list[ChangeLine]

    @classmethod
    def of(cls, changes: Iterable[Change]) -> History:
        """Describe changes."""
        return cls(
            changes=[
                ChangeLine(
                    revision=one.revision,
                    action=one.action,
                    at=one.at,
                    who=one.who,
                    why=one.why,
                    status=one.status,
                    spec=one.spec.model_dump(mode="json"),
                )
                for one in changes
            ]
        )

    def brief(self) -> BriefHistory:
        """Return what fits into a table."""
        return BriefHistory(changes=[ChangeBrief.of(one) for one in self.changes])
