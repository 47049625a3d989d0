"""What the desk and its switches tell, for tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pipelines.job import Report
from ranking.supply.desk import DeskBrief
from ranking.supply.switches import Switch


class BriefLine(Report):
    """A brief in a list."""

    brief_id: str
    segment_id: str
    status: str
    revision: int
    title: str
    count: int
    tags: list[str]
    decided_by: str | None
    note: str | None
    created_at: int
    deadline_ms: int


class BriefList(Report):
    """Briefs, the newest first."""

    briefs: list[BriefLine]


class BriefReport(Report):
    """One brief whole."""

    brief_id: str
    segment_id: str
    status: str
    revision: int
    decided_by: str | None
    note: str | None
    created_at: int
    updated_at: int
    brief: dict[str, Any]

    @classmethod
    def of(cls, found: DeskBrief) -> BriefReport:
        """Describe a brief."""
        return cls(
            brief_id=found.brief_id,
            segment_id=found.segment_id,
            status=found.status,
            revision=found.revision,
            decided_by=found.decided_by,
            note=found.note,
            created_at=found.created_at,
            updated_at=found.updated_at,
            brief=found.brief.model_dump(mode="json"),
        )


def listed(found: Iterable[DeskBrief]) -> BriefList:
    """Return briefs as a list."""
    return BriefList(
        briefs=[
            BriefLine(
                brief_id=one.brief_id,
                segment_id=one.segment_id,
                status=one.status,
                revision=one.revision,
                title=one.brief.title,
                count=one.brief.count,
                tags=list(one.brief.tags),
                decided_by=one.decided_by,
                note=one.note,
                created_at=one.created_at,
                deadline_ms=one.brief.deadline_ms,
            )
            for one in found
        ]
    )


class SwitchLine(Report):
    """One switch."""

    name: str
    stopped: bool
    reason: str
    set_by: str
    set_at: int


class SwitchReport(Report):
    """Every switch that was ever set."""

    switches: list[SwitchLine]

    @classmethod
    def of(cls, found: Iterable[Switch]) -> SwitchReport:
        """Describe switches."""
        return cls(switches=[SwitchLine(**asdict(one)) for one in found])
