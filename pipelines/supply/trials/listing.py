"""Trials as they are listed."""

from __future__ import annotations

from core.workspace import Workspace
from pipelines.job import Report
from ranking.supply.trials import Trial, list_trials


class TrialsReport(Report):
    """Trials, the oldest first."""

    trials: tuple[Trial, ...]


def listed_trials(workspace: Workspace, status: str | None = None) -> TrialsReport:
    """Return the trials of a status, or all."""
    with workspace.database.read() as connection:
        return TrialsReport(trials=list_trials(connection, status))
