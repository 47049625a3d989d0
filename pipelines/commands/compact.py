"""`segue compact`: move events and served pages from the store into the warehouse."""

from __future__ import annotations

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import now_ms, session_of


def compact(context: typer.Context, as_json: AsJson = False) -> None:
    """Move events and served pages from the store into the warehouse, exactly once."""
    from pipelines.compact import compact as run

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress("compact") as progress:
        report = run(workspace, now_ms=now_ms(), progress=progress)
    session.show(report, "compact")
