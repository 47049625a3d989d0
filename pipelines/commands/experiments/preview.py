"""`segue experiment preview`: what an experiment would change, before anybody is in it."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.experiments.desk import Key
from pipelines.commands.options import AsJson, amended
from pipelines.commands.session import now_ms, session_of

Pages = Annotated[
    int | None, typer.Option(min=1, help="Listeners who are asked for, a page each. [default: 300]")
]
Beside = Annotated[int | None, typer.Option(min=0, help="Pages shown side by side. [default: 10]")]
Variant = Annotated[
    str | None, typer.Option(help="The feed whose logged pages are judged, where several were.")
]


def preview(
    context: typer.Context,
    key: Key,
    pages: Pages = None,
    beside: Beside = None,
    variant: Variant = None,
    as_json: AsJson = False,
) -> None:
    """Make every variation's pages for listeners of late and compare them; nobody sees one."""
    from pipelines.experiments.preview.run import Look
    from pipelines.experiments.preview.run import preview as make_preview
    from ranking.experiments.lifecycle.stored import show_experiment

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    look = amended(Look(), pages=pages, beside=beside, variant=variant)
    with (
        session.workspace(settings) as workspace,
        session.progress(f"preview {key}") as progress,
    ):
        with workspace.database.read() as connection:
            experiment = show_experiment(connection, key)
        report = make_preview(
            workspace,
            experiment,
            settings.feed,
            settings.evaluate.off_policy,
            look,
            now_ms=now_ms(),
            progress=progress,
        )
    session.show(report if session.as_json else report.brief(), f"preview of {key}")
    if session.as_json:
        return
    for one in report.variations:
        if one.not_told:
            session.say(f"{one.variation}: no estimate of what it earns: {one.not_told}")
    for page in report.beside:
        session.say(page.in_columns())
