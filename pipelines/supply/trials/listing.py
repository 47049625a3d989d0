"""Trials as they are listed: whole for machines, in one line each for people."""

from __future__ import annotations

import math

from core.workspace import Workspace
from pipelines.job import Report
from ranking.supply.trials import Trial, list_trials


class TrialsReport(Report):
    """Trials, the oldest first."""

    trials: tuple[Trial, ...]

    def brief(self) -> TrialsTable:
        """Return what fits on a terminal."""
        return TrialsTable(trials=tuple(map(_line, self.trials)))


class TrialLine(Report):
    """A trial in one line."""

    track: str
    segment: str
    status: str
    slots: int
    heard_out: int
    budget: int
    better: float | None
    """What the bet on better has grown to; 20 graduates. None before the first settling."""
    worse: float | None
    """Likewise on worse; 20 retires."""
    reason: str


class TrialsTable(Report):
    """Trials, for people."""

    trials: tuple[TrialLine, ...]


def listed_trials(workspace: Workspace, status: str | None = None) -> TrialsReport:
    """Return the trials of a status, or all."""
    with workspace.database.read() as connection:
        return TrialsReport(trials=list_trials(connection, status))


def _line(trial: Trial) -> TrialLine:
    return TrialLine(
        track=trial.track_id,
        segment=trial.segment_id or "-",
        status=trial.status,
        slots=trial.impressions,
        heard_out=trial.finishes,
        budget=trial.budget,
        better=_grown(trial.evidence.get("log_better")),
        worse=_grown(trial.evidence.get("log_worse")),
        reason=trial.reason or "",
    )


def _grown(logarithm: float | None) -> float | None:
    return None if logarithm is None else round(math.exp(logarithm), 2)
