"""What the commands of experiments share: who calls, and the desk of the call's data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.session import now_ms
from pipelines.commands.supply.desk import myself

if TYPE_CHECKING:  # `--help` needs no store
    from pipelines.commands.session import Session
    from ranking.experiments.lifecycle.desk import ExperimentDesk
    from ranking.experiments.lifecycle.moves import Said

Key = Annotated[str, typer.Argument(show_default=False, help="Which experiment.")]
SpecFile = Annotated[
    Path,
    typer.Argument(
        exists=True, dir_okay=False, show_default=False, help="The experiment, as TOML or JSON."
    ),
]
Who = Annotated[
    str, typer.Option("--who", "--by", help="Who says so. [default: you]", show_default=False)
]
Why = Annotated[str, typer.Option(help="Why; kept with the change.")]
Because = Annotated[str, typer.Option("--why", help="Why; kept.", show_default=False)]
Read = Annotated[
    int | None,
    typer.Option(
        "--revision", min=1, help="The revision you read; refused where it is not the newest."
    ),
]


@contextmanager
def open_desk(session: Session) -> Iterator[ExperimentDesk]:
    """Open the desk of the call's data folder."""
    from ranking.experiments.lifecycle.desk import ExperimentDesk

    settings = session.settings()
    with session.workspace(settings) as workspace:
        yield ExperimentDesk(workspace.database, settings.experiments.frame())


def said(who: str, why: str) -> Said:
    """Return who calls, now, and what they say."""
    from ranking.experiments.lifecycle.moves import Said

    return Said(who or myself(), now_ms(), why)
