"""What each generator's tracks came to at the gate."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from core.schema import supply_switches, verdicts
from core.workspace import Workspace
from pipelines.job import Report
from pipelines.supply.gate.configuration import PauseConfig
from pipelines.supply.gate.pausing import evidence_of_failing
from ranking.supply.verdicts import judged_generators, latest_passes

_READ = sa.func.coalesce(verdicts.c.overruled_passed, verdicts.c.passed)


class GeneratorRecord(Report):
    """One generator's record."""

    generator: str
    """Which."""
    judged: int
    """Tracks with a verdict."""
    passed: int
    """Of these, how many stand as passed."""
    pass_rate: float
    """Their share."""
    latest_pass_rate: float
    """Their share among the latest, which decide about a pause."""
    overruled: int
    """Verdicts that a person overruled."""
    tracks_per_s: float | None
    """Verdicts a second of judging; null where none was timed."""
    reasons: dict[str, int]
    """How often each check failed."""
    evidence: float
    """That the latest pass less often than the floor; it is paused at `run_length`."""
    paused: str | None
    """Why nothing is ordered from it, or null."""


class GateRecord(Report):
    """The records of all generators."""

    generators: tuple[GeneratorRecord, ...]
    """By name."""


def gate_record(workspace: Workspace, config: PauseConfig) -> GateRecord:
    """Count the verdicts of every generator.

    Args:
        workspace: Whose.
        config: When a generator is paused.
    """
    with workspace.database.read() as connection:
        names = judged_generators(connection)
        return GateRecord(generators=tuple(_record(connection, name, config) for name in names))


def _record(connection: sa.Connection, name: str, config: PauseConfig) -> GeneratorRecord:
    columns = (_READ.label("stands"), verdicts.c.overruled_by, verdicts.c.reasons)
    query = sa.select(*columns, verdicts.c.measurements).where(verdicts.c.generator == name)
    rows = connection.execute(query).all()
    chosen = sa.select(supply_switches).where(supply_switches.c.name == name)
    switch = connection.execute(chosen).first()
    resumed_ms = -1 if switch is None or switch.stopped else switch.set_at
    latest = latest_passes(connection, name, resumed_ms, config.latest)
    spent = [row.measurements["judged_s"] for row in rows if "judged_s" in row.measurements]
    passed = sum(bool(row.stands) for row in rows)
    return GeneratorRecord(
        generator=name,
        judged=len(rows),
        passed=passed,
        pass_rate=round(passed / len(rows), 4),
        latest_pass_rate=round(sum(latest) / len(latest), 4) if latest else 0.0,
        overruled=sum(row.overruled_by is not None for row in rows),
        tracks_per_s=round(len(spent) / sum(spent), 3) if sum(spent) > 0 else None,
        reasons=dict(sorted(Counter(r["code"] for row in rows for r in row.reasons).items())),
        evidence=round(evidence_of_failing(latest, config.floor), 3),
        paused=switch.reason if switch is not None and switch.stopped else None,
    )
