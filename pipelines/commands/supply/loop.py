"""`segue supply gaps`, `trials` and `run`: what runs short, what is tried, and a whole turn."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import now_ms, session_of

if TYPE_CHECKING:
    from core.workspace import Workspace

DEFAULT_SEED = 7

SearchSeed = Annotated[int, typer.Option("--seed", min=0, help="Decides every random choice.")]
Settle = Annotated[bool, typer.Option("--settle", help="Decide what can be decided first.")]
AtLatest = Annotated[
    bool,
    typer.Option(
        "--at-latest",
        help="Take the end of the last event's day for now: for data that is not of today, such as "
        "a world.",
    ),
]


class TrialStatus(StrEnum):
    """Where a trial may stand."""

    OPEN = "open"
    GRADUATED = "graduated"
    RETIRED = "retired"


Status = Annotated[TrialStatus | None, typer.Option(help="Only those that stand so.")]


def gaps(context: typer.Context, seed: SearchSeed = DEFAULT_SEED, as_json: AsJson = False) -> None:
    """Find what runs short, best worth filling first."""
    from pipelines.supply.find_gaps import find_gaps

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress("supply gaps") as progress:
        report = find_gaps(
            workspace,
            settings.supply.gaps,
            settings.train.factors.als,
            settings.train.traffic,
            seed=seed,
            now_ms=now_ms(),
            progress=progress,
        )
    session.show(report if session.as_json else report.brief(), "supply gaps")


def trials(
    context: typer.Context,
    settle: Settle = False,
    at_latest: AtLatest = False,
    status: Status = None,
    as_json: AsJson = False,
) -> None:
    """List the tracks that are tried on listeners, or were."""
    from pipelines.supply.trials.listing import listed_trials
    from pipelines.supply.trials.settle import settle_trials

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress("supply trials") as progress:
        if settle:
            clock = _clock(workspace, at_latest=at_latest)
            settle_trials(workspace, settings.supply.trials, now_ms=clock(), progress=progress)
        report = listed_trials(workspace, status)
    session.show(report if session.as_json else report.brief(), "supply trials")


def run(
    context: typer.Context,
    seed: SearchSeed = DEFAULT_SEED,
    at_latest: AtLatest = False,
    as_json: AsJson = False,
) -> None:
    """Go once round the loop: settle, search, draft, order, judge, embed, go live."""
    import os

    from pipelines.supply.run import run_turn

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress("supply run") as progress:
        clock = _clock(workspace, at_latest=at_latest)
        report = run_turn(
            workspace,
            settings.supply,
            settings.train,
            os.environ,
            duplicates=settings.embeddings.duplicates,
            seed=seed,
            clock=clock,
            progress=progress,
        )
    session.show(report, "supply run")


def _clock(workspace: Workspace, *, at_latest: bool) -> Callable[[], int]:
    """Return what tells the time: the machine, or the data's own last day."""
    if not at_latest:
        return now_ms
    from core.events import DAY_MS
    from pipelines.commands.preview import latest_moment

    midnight_ms = (latest_moment(workspace) // DAY_MS + 1) * DAY_MS
    return lambda: midnight_ms
