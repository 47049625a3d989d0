"""`segue supply approve` and `segue supply reject`: a person's word on briefs."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import now_ms, session_of
from pipelines.commands.supply.desk import Who, myself, open_desk

BriefIds = Annotated[list[str], typer.Argument(show_default=False, help="Which briefs.")]
Note = Annotated[str, typer.Option(help="What to remember.")]
Because = Annotated[str, typer.Option("--note", help="Why not.", show_default=False)]


def approve(
    context: typer.Context, ids: BriefIds, note: Note = "", by: Who = "", as_json: AsJson = False
) -> None:
    """Let briefs be ordered; those that are approved stay as they are."""
    from pipelines.supply.ordering.reports import listed

    session, at = session_of(context, as_json=as_json), now_ms()
    with open_desk(session) as desk:
        who = by or myself()
        report = listed([desk.approve(one, who=who, now_ms=at, note=note) for one in ids])
    session.show(report, "approved")


def reject(
    context: typer.Context, ids: BriefIds, note: Because, by: Who = "", as_json: AsJson = False
) -> None:
    """Let briefs never be ordered, and take back what was planned of them and not sent."""
    from pipelines.supply.ordering.reports import listed

    session, at = session_of(context, as_json=as_json), now_ms()
    with open_desk(session) as desk:
        who = by or myself()
        report = listed([desk.reject(one, who=who, now_ms=at, note=note) for one in ids])
    session.show(report, "rejected")
