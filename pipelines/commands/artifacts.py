"""`segue artifacts`, `segue promote`, `segue rollback`: what was learned, and what is live."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pipelines.commands.display import figures_in_line
from pipelines.commands.options import AsJson, Reason
from pipelines.commands.session import now_ms, session_of

if TYPE_CHECKING:
    from core.workspace import Workspace
    from pipelines.job import Progress
    from pipelines.promotion import ArtifactsReport
    from pipelines.promotion_guard import Guard
    from pipelines.settings import PipelineSettings

Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help="A kind (its newest) or KIND=VERSION; may be repeated. [default: newest of every]",
        show_default=False,
    ),
]
Why = Annotated[
    str | None,
    typer.Option("--reason", help="Why; kept with the promotion. [default: promoted by hand]"),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Promote a ranker that is refused all the same; needs --reason."),
]
OneKind = Annotated[str | None, typer.Option("--kind", help="Only this kind.")]


def artifacts(context: typer.Context, kind: OneKind = None, as_json: AsJson = False) -> None:
    """List every artifact: kind, version, age, whether it is live, figures."""
    from pipelines.promotion import list_artifacts

    session = session_of(context, as_json=as_json)
    with session.workspace(session.settings()) as workspace:
        report = list_artifacts(workspace.artifacts, kind)
    if session.as_json:
        session.show(report, "artifacts")
    elif report.artifacts:
        session.out.print(_table(report))
    else:
        session.say("There are no artifacts yet; `segue train` makes some.")


def promote(
    context: typer.Context,
    kind: Kinds = None,
    reason: Why = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Make artifacts live, all at once, unless the new ranker's recipe is worse than the live."""
    from pipelines.promotion import promote as run

    if force and not (reason or "").strip():
        raise typer.BadParameter("--force needs --reason; it is kept beside the ranker's manifest")
    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress("promote") as progress:
        report = run(
            workspace.artifacts,
            kind or (),
            now_ms=now_ms(),
            reason=reason or "promoted by hand",
            guard=_guard(workspace, settings, progress),
            force=force,
        )
    session.show(report, "promote")


def rollback(
    context: typer.Context, reason: Reason = "rolled back by hand", as_json: AsJson = False
) -> None:
    """Make the set before the live one live again."""
    from pipelines.promotion import roll_back

    session = session_of(context, as_json=as_json)
    with session.workspace(session.settings()) as workspace, session.progress("rollback"):
        report = roll_back(workspace.artifacts, now_ms=now_ms(), reason=reason)
    session.show(report, "rollback")


def _guard(workspace: Workspace, settings: PipelineSettings, progress: Progress) -> Guard:
    from pipelines.promotion_guard import Guard

    return Guard(
        workspace=workspace,
        config=settings.promote,
        evaluate=settings.evaluate,
        factors=settings.train.factors,
        feed=settings.feed,
        progress=progress,
    )


def _table(report: ArtifactsReport) -> Table:
    table = Table("kind", "version", "created (UTC)", "live", "metrics")
    for row in report.artifacts:
        moment = datetime.fromtimestamp(row.created_at / 1000, UTC)
        table.add_row(
            escape(row.kind),
            escape(row.version),
            f"{moment:%Y-%m-%d %H:%M:%S}",
            "live" if row.live else "",
            escape(figures_in_line(row.metrics)),
        )
    return table
