"""`segue experiment list`, `show` and `history`: which experiments there are, and what was done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.experiments.desk import Key
from pipelines.commands.options import AsJson
from pipelines.commands.session import session_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from pipelines.commands.session import Session


class Status(StrEnum):
    """Where an experiment stands."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"
    ARCHIVED = "archived"


OneStatus = Annotated[Status | None, typer.Option("--status", help="Only those that stand so.")]
OneLayer = Annotated[str | None, typer.Option("--layer", help="Only those in this layer.")]


def list_(
    context: typer.Context,
    status: OneStatus = None,
    layer: OneLayer = None,
    as_json: AsJson = False,
) -> None:
    """List experiments, the newest first."""
    from pipelines.experiments.listing import ExperimentList
    from ranking.experiments.lifecycle.stored import list_experiments

    session = session_of(context, as_json=as_json)
    with _reading(session) as connection:
        found = list_experiments(connection, status.value if status else None, layer)
    if found or session.as_json:
        session.show(ExperimentList.of(found), "experiments")
    else:
        session.say("There are no such experiments; `segue experiment create FILE` makes one.")


def show(context: typer.Context, key: Key, as_json: AsJson = False) -> None:
    """Show one experiment whole."""
    from pipelines.experiments.listing import ExperimentReport
    from ranking.experiments.lifecycle.stored import show_experiment

    session = session_of(context, as_json=as_json)
    with _reading(session) as connection:
        report = ExperimentReport.of(show_experiment(connection, key))
    session.show(report, "experiment")


def history(context: typer.Context, key: Key, as_json: AsJson = False) -> None:
    """Tell who changed an experiment, when, how and why; with --json also what came of it."""
    from pipelines.experiments.listing import History
    from ranking.experiments.lifecycle.stored import history as changes_of

    session = session_of(context, as_json=as_json)
    with _reading(session) as connection:
        report = History.of(changes_of(connection, key))
    session.show(report if session.as_json else report.brief(), "history")


@contextmanager
def _reading(session: Session) -> Iterator[sa.Connection]:
    with (
        session.workspace(session.settings()) as workspace,
        workspace.database.read() as connection,
    ):
        yield connection
