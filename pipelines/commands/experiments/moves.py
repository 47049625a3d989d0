"""`segue experiment start`, `stop` and `archive`: when listeners meet it, and when not."""

from __future__ import annotations

import typer

from pipelines.commands.experiments.desk import Because, Key, Read, Who, Why, open_desk, said
from pipelines.commands.options import AsJson
from pipelines.commands.session import session_of


def start(
    context: typer.Context,
    key: Key,
    why: Because,
    revision: Read = None,
    who: Who = "",
    as_json: AsJson = False,
) -> None:
    """Let listeners into a draft; refused with everything that is in the way."""
    from pipelines.experiments.listing import ExperimentReport
    from ranking.experiments.definitions.metric_names import metric_names
    from ranking.experiments.lifecycle.desk import ExperimentDesk
    from ranking.experiments.lifecycle.readiness import Grounds

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    known = metric_names(settings.experiments.metrics)
    with session.workspace(settings) as workspace:
        desk = ExperimentDesk(workspace.database, settings.experiments.frame())
        grounds = Grounds(settings.feed, known, workspace.artifacts.manifest)
        started = desk.start(key, said(who, why), grounds=grounds, revision=revision)
    session.show(ExperimentReport.of(started), "experiment")


def stop(
    context: typer.Context,
    key: Key,
    why: Because,
    revision: Read = None,
    who: Who = "",
    as_json: AsJson = False,
) -> None:
    """End an experiment for every listener; it cannot start again."""
    from pipelines.experiments.listing import ExperimentReport

    session = session_of(context, as_json=as_json)
    with open_desk(session) as desk:
        report = ExperimentReport.of(desk.stop(key, said(who, why), revision=revision))
    session.show(report, "experiment")


def archive(
    context: typer.Context,
    key: Key,
    why: Why = "",
    revision: Read = None,
    who: Who = "",
    as_json: AsJson = False,
) -> None:
    """Put away a draft, or what was stopped."""
    from pipelines.experiments.listing import ExperimentReport

    session = session_of(context, as_json=as_json)
    with open_desk(session) as desk:
        report = ExperimentReport.of(desk.archive(key, said(who, why), revision=revision))
    session.show(report, "experiment")
