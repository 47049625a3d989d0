"""`segue train`: from imported data to artifacts."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import now_ms, session_of

DEFAULT_SEED = 7

Stages = Annotated[
    list[str] | None,
    typer.Argument(
        help="Some of embed, factors, index, ranker. [default: all]", show_default=False
    ),
]
Only = Annotated[str, typer.Option(help="The same, as one word with commas.")]
TrainSeed = Annotated[int, typer.Option("--seed", min=0, help="Decides every random choice.")]


def train(
    context: typer.Context,
    stages: Stages = None,
    only: Only = "",
    seed: TrainSeed = DEFAULT_SEED,
    as_json: AsJson = False,
) -> None:
    """Learn vectors, factors, index and ranker; nothing becomes live before `segue promote`."""
    from pipelines.tracking.opening import open_run_log
    from pipelines.tracking.telling import tell_training
    from pipelines.train import STAGES
    from pipelines.train import train as run

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    wanted = [*(stages or ()), *(word.strip() for word in only.split(",") if word.strip())]
    if unknown := sorted(set(wanted) - set(STAGES)):
        raise typer.BadParameter(
            f"{', '.join(unknown)} is no stage; stages are {', '.join(STAGES)}"
        )
    told = {**session.told(settings, "train", "feed", "embeddings"), "seed": seed}
    with (
        open_run_log(settings.tracking, "train") as log,
        session.workspace(settings) as workspace,
        session.progress("train") as progress,
    ):
        report = run(
            workspace,
            settings.embeddings.audio,
            settings.train,
            settings.feed,
            only=wanted or STAGES,
            seed=seed,
            now_ms=now_ms(),
            progress=progress,
            duplicates=settings.embeddings.duplicates,
        )
        tell_training(log, told, report, workspace.artifacts)
    session.show(report, "train")
