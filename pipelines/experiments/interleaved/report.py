"""What two variations that shared every page came to."""

from __future__ import annotations

import numpy as np

from core.events import DAY_MS, Action
from core.warehouse import Warehouse
from pipelines.experiments.interleaved.credits import Credits
from pipelines.experiments.interleaved.reading import read_credits
from pipelines.experiments.question import Question
from pipelines.experiments.statistics.preferences import (
    Preference,
    always_valid_preference,
    preference,
)
from pipelines.job import Report

FIXED = "fixed_horizon"


class InterleavedReport(Report):
    """Which of two variations listeners prefer."""

    experiment: str
    variations: tuple[str, str]
    action: str
    """What a slot earned a credit by."""
    listeners: int
    """Who was shown a slot on which the two did not agree."""
    credits: tuple[int, int]
    """Slots with the action, by who placed them."""
    result: Preference
    """For the second over the first."""
    decision: str


def analyse_interleaved(
    warehouse: Warehouse, question: Question, now_ms: int, action: str = Action.FINISH.value
) -> InterleavedReport:
    """Count what listeners played of each variation, and say which they prefer.

    Args:
        warehouse: Where pages and events are.
        question: The experiment; its method says whether one may look at any time.
        now_ms: The moment; nothing later counts.
        action: What a slot earns a credit by.

    Raises:
        DataError: If no page of it was logged.
        ExperimentError: If fewer than two listeners gave credit.
    """
    first, second = question.variations
    until_ms = min(now_ms, question.end_ms) if question.end_ms is not None else now_ms
    found = read_credits(
        warehouse,
        question.key,
        (first, second),
        action=action,
        since_ms=question.start_ms,
        until_ms=max(until_ms, question.start_ms + 1),
    )
    judge = preference if question.method == FIXED else always_valid_preference
    result = judge(found.first, found.second)
    days = (until_ms - question.start_ms) / DAY_MS
    return InterleavedReport(
        experiment=question.key,
        variations=(first, second),
        action=action,
        listeners=len(found.user_ids),
        credits=_totals(found),
        result=result,
        decision=decision_line(first, second, result, days),
    )


def decision_line(first: str, second: str, result: Preference, days: float) -> str:
    """Return what to do, with the rule: the better one, where no preference lies outside."""
    shown = result.preference
    told = f"{shown.estimate:+.3f} [{shown.low:+.3f}, {shown.high:+.3f}] after {days:.1f} days"
    if shown.low > 0:
        return f"ship {second}: listeners prefer it, {told}; its interval lies above 0"
    if shown.high < 0:
        return f"stop: listeners prefer {first}, {told}; the interval lies below 0"
    return f"hold: no preference can be told, {told}; the interval holds 0"


def _totals(found: Credits) -> tuple[int, int]:
    return int(np.sum(found.first)), int(np.sum(found.second))
