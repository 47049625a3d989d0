"""What the loop found and did, over HTTP: gaps, orders, verdicts and trials."""

from __future__ import annotations

from ranking.supply.gap import gaps_found_at, list_gaps
from ranking.supply.tasks import list_tasks
from ranking.supply.trials import list_trials
from ranking.supply.verdicts import Verdict, list_verdicts, overrule
from service.dependencies import Context
from service.supply.paging import PageQuery, page_of
from service.supply.refusals import refusals
from service.supply.schemas import (
    GapsAnswer,
    TasksAnswer,
    TasksQuery,
    TrialsAnswer,
    TrialsQuery,
    VerdictAnswer,
    VerdictsAnswer,
    VerdictsQuery,
    Word,
)


def show_gaps(context: Context, asked: PageQuery) -> GapsAnswer:
    """Return one page of the gaps found last, best worth filling first."""
    with context.workspace.database.read() as connection:
        found, following = page_of(asked, lambda *page: list_gaps(connection, *page))
        found_at = gaps_found_at(connection)
    return GapsAnswer(gaps=found, found_at=found_at, next_offset=following)


def show_tasks(context: Context, asked: TasksQuery) -> TasksAnswer:
    """Return one page of orders."""
    with context.workspace.database.read() as connection:
        found, following = page_of(
            asked,
            lambda limit, offset: list_tasks(connection, asked.brief, limit=limit, offset=offset),
        )
    return TasksAnswer(tasks=found, next_offset=following)


def show_trials(context: Context, asked: TrialsQuery) -> TrialsAnswer:
    """Return one page of trials."""
    with context.workspace.database.read() as connection:
        found, following = page_of(
            asked,
            lambda limit, offset: list_trials(connection, asked.status, limit=limit, offset=offset),
        )
    return TrialsAnswer(trials=found, next_offset=following)


def show_verdicts(context: Context, asked: VerdictsQuery) -> VerdictsAnswer:
    """Return one page of verdicts, the latest first."""
    with context.workspace.database.read() as connection:
        found, following = page_of(
            asked,
            lambda limit, offset: list_verdicts(
                connection,
                generator=asked.generator,
                brief_id=asked.brief,
                passed=asked.passed,
                limit=limit,
                offset=offset,
            ),
        )
    return VerdictsAnswer(verdicts=[_shown(one) for one in found], next_offset=following)


def overrule_verdict(
    context: Context, track_id: str, word: Word, who: str, now_ms: int
) -> VerdictAnswer:
    """Put a caller's word over the gate's; said again it stays as it is.

    Raises:
        ProblemError: 404 where there is no verdict, 409 where the gate says so already or there is
            nothing to play.
    """
    with (
        refusals("verdict", track_id, listed_at="/v1/supply/verdicts", field="note"),
        context.workspace.database.write() as connection,
    ):
        return _shown(
            overrule(
                connection, track_id, passed=word.passes, by=who, note=word.note, now_ms=now_ms
            )
        )


def _shown(verdict: Verdict) -> VerdictAnswer:
    names = VerdictAnswer.model_fields
    return VerdictAnswer(**{name: getattr(verdict, name) for name in names})
