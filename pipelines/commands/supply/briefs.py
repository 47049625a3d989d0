"""`segue supply briefs` and `segue supply brief`: what lies on the desk."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import now_ms, session_of
from pipelines.commands.supply.desk import open_desk

if TYPE_CHECKING:
    from pydantic import ValidationError

    from ranking.supply.brief import Brief

app = typer.Typer(help="List briefs, or add one.")
one = typer.Typer(no_args_is_help=True, help="Show or edit one brief.")


class Status(StrEnum):
    """Where a brief stands."""

    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"
    CLOSED = "closed"


OneStatus = Annotated[Status | None, typer.Option("--status", help="Only those that stand so.")]
OneSegment = Annotated[str | None, typer.Option("--segment", help="Only those for this segment.")]
Document = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, show_default=False, help="A brief as JSON."),
]
Segment = Annotated[str, typer.Option(help="Whom it is for.")]
BriefId = Annotated[str, typer.Argument(show_default=False, help="Which brief.")]
Revision = Annotated[
    int | None,
    typer.Option(help="The revision that the file was made from. [default: the one it says]"),
]


@app.callback(invoke_without_command=True)
def briefs(
    context: typer.Context,
    status: OneStatus = None,
    segment: OneSegment = None,
    as_json: AsJson = False,
) -> None:
    """List briefs, the newest first."""
    from pipelines.supply.ordering.reports import listed

    if context.invoked_subcommand is not None:
        return
    session = session_of(context, as_json=as_json)
    with open_desk(session) as desk:
        report = listed(desk.list(status.value if status else None, segment))
    if report.briefs or session.as_json:
        session.show(report, "briefs")
    else:
        session.say("There are no such briefs; `segue supply briefs add FILE.json` adds one.")


@app.command("add")
def add(
    context: typer.Context, file: Document, segment: Segment = "", as_json: AsJson = False
) -> None:
    """Lay a draft on the desk; the same one for the same segment is laid down once."""
    from pipelines.supply.ordering.reports import BriefReport

    session = session_of(context, as_json=as_json)
    document = _document(file)
    segment = segment or str(document.get("segment_id", ""))
    brief = _brief(document.get("brief", document), file)
    with open_desk(session) as desk:
        report = BriefReport.of(desk.add(brief, segment_id=segment, now_ms=now_ms()))
    session.show(report, "brief")


@one.command("show")
def show(context: typer.Context, brief_id: BriefId, as_json: AsJson = False) -> None:
    """Show one brief whole."""
    from pipelines.supply.ordering.reports import BriefReport

    session = session_of(context, as_json=as_json)
    with open_desk(session) as desk:
        report = BriefReport.of(desk.show(brief_id))
    session.show(report, "brief")


@one.command("edit")
def edit(
    context: typer.Context,
    brief_id: BriefId,
    file: Document,
    revision: Revision = None,
    as_json: AsJson = False,
) -> None:
    """Replace a brief by a file, such as `brief show --json` prints; refused if it is outdated."""
    from pipelines.supply.ordering.reports import BriefReport

    session = session_of(context, as_json=as_json)
    document = _document(file)
    made_from = revision if revision is not None else document.get("revision")
    if not isinstance(made_from, int):
        raise typer.BadParameter(
            f"{file} does not say which revision it was made from: give --revision"
        )
    brief = _brief(document.get("brief", document), file)
    with open_desk(session) as desk:
        edited = desk.edit(brief_id, brief, revision=made_from, now_ms=now_ms())
        report = BriefReport.of(edited)
    session.show(report, "brief")


def _document(path: Path) -> dict[str, Any]:
    from core.errors import DataError

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} is no JSON: {error}; write one brief as a JSON object") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no JSON object; write one brief as {{...}}")
    return found


def _brief(document: Any, path: Path) -> Brief:
    from pydantic import ValidationError

    from core.errors import DataError
    from ranking.supply.brief import Brief

    try:
        return Brief.model_validate(document)
    except ValidationError as error:
        raise DataError(f"{path} is no brief: {_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}" for each in error.errors()
    )
