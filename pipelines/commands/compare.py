"""`segue compare`: two rankers, as they are and recipe against recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.display import print_report
from pipelines.commands.options import AsJson, amended
from pipelines.commands.session import session_of

if TYPE_CHECKING:
    from pipelines.commands.session import Session
    from pipelines.comparing.report import ComparisonReport

One = Annotated[
    str,
    typer.Argument(
        help="live, latest, fusion (no ranker) or a version of `segue artifacts --kind ranker`.",
        show_default=False,
    ),
]
Splits = Annotated[int | None, typer.Option("--seeds", help="How many splits. [default: 5]")]


def compare(
    context: typer.Context, a: One, b: One, seeds: Splits = None, as_json: AsJson = False
) -> None:
    """Compare two rankers on later listening: the artifacts, and their recipes learned anew."""
    from pipelines.comparing.run import compare as run

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress("compare") as progress:
        report = run(
            workspace,
            a,
            b,
            config=amended(settings.evaluate, seeds=seeds),
            factors=settings.train.factors,
            feed=settings.feed,
            progress=progress,
        )
    _show(session, report)


def _show(session: Session, report: ComparisonReport) -> None:
    if session.as_json:
        session.show(report, "compare")
        return
    for title, document in report.parts():
        print_report(session.out, f"compare: {title}", document)
