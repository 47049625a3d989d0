"""Verdicts as they are listed."""

from __future__ import annotations

from typing import Any

from core.workspace import Workspace
from pipelines.job import Report
from ranking.supply.verdicts import Overruling, Reason, Verdict, list_verdicts


class VerdictLine(Report):
    """One verdict."""

    track_id: str
    """Whose."""
    generator: str
    """What made it."""
    brief_id: str | None
    """What it was made for."""
    stands: bool
    """Whether the track passes, a person's word before the gate's."""
    passed: bool
    """Whether the gate let it pass."""
    reasons: tuple[Reason, ...]
    """The checks that failed."""
    overruling: Overruling | None
    """What a person said instead."""
    judged_at_ms: int
    """When, UTC milliseconds."""
    measurements: dict[str, Any]
    """Everything that was measured."""

    @classmethod
    def of(cls, verdict: Verdict) -> VerdictLine:
        """Describe a verdict."""
        names = set(cls.model_fields) - {"stands"}
        return cls(stands=verdict.stands, **{name: getattr(verdict, name) for name in names})


class ShortLine(Report):
    """One verdict on one line of a terminal."""

    track_id: str
    """Whose."""
    generator: str
    """What made it."""
    stands: str
    """`passed` or `rejected`."""
    why: str
    """The sentences of what failed, and the person's note."""


class VerdictList(Report):
    """Verdicts, the latest first."""

    verdicts: tuple[VerdictLine, ...]
    """As they stand."""

    def brief(self) -> ShortList:
        """Return what fits a terminal."""
        return ShortList(verdicts=tuple(_short(line) for line in self.verdicts))


class ShortList(Report):
    """Verdicts for people, the latest first."""

    verdicts: tuple[ShortLine, ...]
    """As they stand."""


def listed_verdicts(
    workspace: Workspace,
    *,
    generator: str | None,
    brief_id: str | None,
    passed: bool | None,
    limit: int,
) -> VerdictList:
    """Return verdicts, the latest first; see `list_verdicts`."""
    with workspace.database.read() as connection:
        found = list_verdicts(
            connection, generator=generator, brief_id=brief_id, passed=passed, limit=limit
        )
    return VerdictList(verdicts=tuple(VerdictLine.of(verdict) for verdict in found))


def _short(line: VerdictLine) -> ShortLine:
    parts = [reason.text for reason in line.reasons]
    if line.overruling is not None:
        parts.append(f"overruled by {line.overruling.by}: {line.overruling.note}")
    return ShortLine(
        track_id=line.track_id,
        generator=line.generator,
        stands="passed" if line.stands else "rejected",
        why="; ".join(parts),
    )
