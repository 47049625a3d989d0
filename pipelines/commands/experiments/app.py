"""`segue experiment`: the commands that are there, and who gets which variant of the feed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.experiments import (
    analysis,
    moves,
    planning,
    preview,
    record,
    writing,
)
from pipelines.commands.options import AsJson
from pipelines.commands.session import session_of

app = typer.Typer(
    no_args_is_help=True, help="Try variants of the feed on listeners, and tell what they changed."
)
app.command()(planning.power)
app.command()(planning.selftest)
app.command()(writing.create)
app.command()(writing.edit)
app.command()(preview.preview)
app.command()(moves.start)
app.command()(writing.widen)
app.command()(analysis.analyze)
app.command()(moves.stop)
app.command()(moves.archive)
app.command("list")(record.list_)
app.command()(record.show)
app.command()(record.history)

Spec = Annotated[
    Path,
    typer.Argument(
        exists=True,
        dir_okay=False,
        readable=True,
        show_default=False,
        help="The experiment, as JSON of the GrowthBook SDKs.",
    ),
]
Ids = Annotated[
    Path,
    typer.Option(
        exists=True,
        dir_okay=False,
        readable=True,
        show_default=False,
        help="Ids, one a line, or a JSON list of ids or of objects of attributes.",
    ),
]
Features = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        readable=True,
        help="Features and savedGroups that the experiment refers to, as an SDK gets them.",
    ),
]


@app.callback()
def experiment() -> None:
    """Try variants of the feed on listeners, and tell what they changed."""


@app.command("assign")
def assign(
    context: typer.Context,
    spec: Spec,
    ids: Ids,
    features: Features = None,
    as_json: AsJson = False,
) -> None:
    """Tell for each id whether it is in the experiment, and in which variation."""
    from pipelines.experiments.assignment import (
        Payload,
        assign_all,
        read_document,
        read_listeners,
        read_payload,
    )
    from ranking.experiments.definitions.reading import read_experiment

    session = session_of(context, as_json=as_json)
    read = read_experiment(read_document(spec))
    payload = read_payload(features) if features is not None else Payload()
    report = assign_all(read, read_listeners(ids, read.hash_attribute or "id"), payload)
    session.show(report, f"experiment {read.key}")
    if not session.as_json:
        session.say(", ".join(f"{name}: {count:,}" for name, count in report.counts().items()))
