"""`segue experiment create`, `edit` and `widen`: what a team writes of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.experiments.desk import Key, Read, SpecFile, Who, Why, open_desk, said
from pipelines.commands.options import AsJson
from pipelines.commands.session import session_of

if TYPE_CHECKING:
    from ranking.experiments.definitions.spec import ExperimentSpec

Coverage = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share of the listeners in its places.")
]
Ranges = Annotated[
    list[str] | None,
    typer.Option("--range", metavar="FROM:TO", help="Places in its layer; may be given again."),
]


def create(
    context: typer.Context, spec: SpecFile, why: Why = "", who: Who = "", as_json: AsJson = False
) -> None:
    """Lay down a draft; the same spec is laid down once."""
    from pipelines.experiments.listing import ExperimentReport
    from pipelines.experiments.spec_file import read_spec

    session = session_of(context, as_json=as_json)
    written, _ = read_spec(spec)
    with open_desk(session) as desk:
        report = ExperimentReport.of(desk.create(written, said(who, why)))
    session.show(report, "experiment")


def edit(
    context: typer.Context,
    key: Key,
    spec: SpecFile,
    revision: Read = None,
    why: Why = "",
    who: Who = "",
    as_json: AsJson = False,
) -> None:
    """Replace what a draft says by a file, such as `show --json` prints; or widen what runs."""
    from core.errors import DataError
    from pipelines.experiments.listing import ExperimentReport
    from pipelines.experiments.spec_file import read_spec

    session = session_of(context, as_json=as_json)
    written, said_revision = read_spec(spec)
    if written.key != key:
        raise DataError(f"{spec} is of {written.key!r}, not of {key!r}; a key stays as it is")
    made_from = revision if revision is not None else said_revision
    if made_from is None:
        raise typer.BadParameter(
            f"{spec} does not say which revision it was made from: give --revision"
        )
    with open_desk(session) as desk:
        report = ExperimentReport.of(desk.edit(written, made_from, said(who, why)))
    session.show(report, "experiment")


def widen(
    context: typer.Context,
    key: Key,
    coverage: Coverage = None,
    ranges: Ranges = None,
    revision: Read = None,
    why: Why = "",
    who: Who = "",
    as_json: AsJson = False,
) -> None:
    """Take more listeners into what runs; nobody leaves and nobody changes sides."""
    from pipelines.experiments.listing import ExperimentReport
    from ranking.experiments.lifecycle.stored import show_experiment

    changes: dict[str, Any] = {} if coverage is None else {"coverage": coverage}
    if ranges:
        changes["ranges"] = [_range(one) for one in ranges]
    if not changes:
        raise typer.BadParameter("nothing would change: give --coverage or --range")
    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, workspace.database.read() as connection:
        found = show_experiment(connection, key)
    wider = _changed(found.spec, changes)
    with open_desk(session) as desk:
        made_from = found.revision if revision is None else revision
        report = ExperimentReport.of(desk.edit(wider, made_from, said(who, why)))
    session.show(report, "experiment")


def _changed(spec: ExperimentSpec, changes: dict[str, Any]) -> ExperimentSpec:
    from pydantic import ValidationError

    from core.errors import DataError
    from ranking.experiments.definitions.spec import ExperimentSpec

    try:
        return ExperimentSpec.model_validate({**spec.model_dump(mode="json"), **changes})
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise DataError(f"{spec.key!r} cannot be so: {where}: {fault['msg']}") from error


def _range(text: str) -> tuple[float, float]:
    start, _, end = text.partition(":")
    try:
        return float(start), float(end)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no range; write 0.2:0.5") from None
