"""`segue export`: what the jobs work on, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import session_of
from pipelines.commands.train import DEFAULT_SEED, TrainSeed

app = typer.Typer(no_args_is_help=True, help="Write what the jobs work on for other tools.")

To = Annotated[
    Path, typer.Option("--to", dir_okay=False, help="The Parquet file.", show_default=False)
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")]


@app.callback()
def export() -> None:
    """Write what the jobs work on for other tools."""


@app.command("training-set")
def training_set(
    context: typer.Context,
    to: To,
    seed: TrainSeed = DEFAULT_SEED,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write the rows `segue train` would fit the ranker to, with features, labels and split."""
    from pipelines.ranker_training.export_training_set import export_training_set

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress("export") as progress:
        report = export_training_set(
            workspace,
            settings.train,
            settings.feed,
            to,
            seed=seed,
            force=force,
            progress=progress,
        )
    session.show(report, "export training-set")
