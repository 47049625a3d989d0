"""Settling trials: each open one is measured from the log, and graduates, retires or goes on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from core.events import DAY_MS
from core.ids import Ids
from core.workspace import Workspace
from pipelines.job import Progress, Report
from pipelines.supply.segments.today import newest_segments
from pipelines.supply.trials.configuration import TrialsConfig
from pipelines.supply.trials.log import shown_slots
from pipelines.supply.trials.sequential import Decision, decide
from pipelines.supply.trials.yardstick import Yardstick, yardstick
from ranking.supply.trials import (
    Outcome,
    Trial,
    call_off_strays,
    end_trial,
    keep_evidence,
    list_trials,
    plan_planless,
)

MINUTE_MS = 60_000


class Ended(Report):
    """A trial that ended."""

    track_id: str
    outcome: str
    slots: int
    reason: str


class SettleReport(Report):
    """What became of trials."""

    graduated: int
    retired: int
    open: int
    """Trials that go on."""
    ended: tuple[Ended, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """One trial, measured."""

    trial: Trial
    slots: int
    heard: int
    expected: float
    decision: Decision


def settle_trials(
    workspace: Workspace, config: TrialsConfig, *, now_ms: int, progress: Progress
) -> SettleReport:
    """Decide the trials that can be decided; called again it decides nothing twice.

    A track that stands on trial without a plan gets the usual one first: nothing is tried for ever.

    Args:
        workspace: Where trials and the log are.
        config: Rule and budget.
        now_ms: The moment.
        progress: Shows how far it is.
    """
    with workspace.database.write() as connection:
        call_off_strays(connection, now_ms)
        plan_planless(connection, config.budget, now_ms)
        waiting = list_trials(connection, "open")
    if not waiting:
        return SettleReport(graduated=0, retired=0, open=0, ended=())
    until_ms = now_ms - round(config.settle_minutes * MINUTE_MS)
    first_ms = min(trial.opened_at for trial in waiting)
    since_ms = min(first_ms, until_ms - round(config.window_days * DAY_MS))
    slots = shown_slots(workspace, since_ms, until_ms)
    stick, segments = _measure(workspace, slots)
    measured = [
        _measured(trial, slots, stick, segments, config)
        for trial in progress.track(waiting, "settling trials", len(waiting))
    ]
    ended = tuple(found for each in measured if (found := _end(workspace, each, config, now_ms)))
    return SettleReport(
        graduated=sum(each.outcome == "graduated" for each in ended),
        retired=sum(each.outcome == "retired" for each in ended),
        open=len(waiting) - len(ended),
        ended=ended,
    )


def _measure(workspace: Workspace, slots: pl.DataFrame) -> tuple[Yardstick, Ids]:
    """Return the yardstick of the segments that are known, and their names."""
    segments = newest_segments(workspace)
    if segments is None:
        return yardstick(slots, Ids(()), np.empty(0, dtype=np.int64), 0), Ids(())
    tracks = Ids(segments.track_ids)
    return yardstick(slots, tracks, segments.members, len(segments)), Ids(segments.ids)


def _measured(
    trial: Trial, slots: pl.DataFrame, stick: Yardstick, segments: Ids, config: TrialsConfig
) -> _Measured:
    own = slots.filter(
        pl.col("track_id") == trial.track_id,
        pl.col("is_fresh"),
        pl.col("at_ms") >= trial.opened_at,
    ).head(config.budget)
    segment = segments.row(trial.segment_id) if trial.segment_id else -1
    expected = stick.expected(own["position"].fill_null(0).to_numpy(), segment)
    heard = own["heard"].to_numpy().astype(np.bool_)
    decision = decide(expected, heard, config.rule)
    return _Measured(trial, own.height, int(heard.sum()), float(expected.sum()), decision)


def _end(workspace: Workspace, found: _Measured, config: TrialsConfig, now_ms: int) -> Ended | None:
    """Keep what was measured; end the trial where it is decided or used up."""
    trial, decision = found.trial, found.decision
    evidence = {
        "slots": float(found.slots),
        "heard_out": float(found.heard),
        "expected": round(found.expected, 3),
        "log_better": round(decision.better, 4),
        "log_worse": round(decision.worse, 4),
    }
    figures = f"heard out in {found.heard} of {found.slots} slots, {found.expected:.1f} expected"
    used_up = decision.verdict == "continue" and found.slots >= config.budget
    with workspace.database.write() as connection:
        keep_evidence(connection, trial.track_id, evidence, config.budget)
        if decision.verdict == "continue" and not used_up:
            return None
        graduates = decision.verdict == "graduate"
        reason = {
            "graduate": f"better than the segment's median track: {figures}",
            "retire": f"worse than the segment's median track: {figures}",
            "continue": f"not shown to be better within its budget: {figures}",
        }[decision.verdict]
        outcome: Outcome = "graduated" if graduates else "retired"
        end_trial(connection, trial.track_id, outcome, reason, now_ms)
    return Ended(track_id=trial.track_id, outcome=outcome, slots=found.slots, reason=reason)
