"""`segue evaluate`: the feed beside its parts and plain baselines, with intervals."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.options import AsJson, amended
from pipelines.commands.session import session_of

if TYPE_CHECKING:
    from core.workspace import Workspace
    from pipelines.evaluate import EvaluationReport
    from pipelines.job import Progress
    from pipelines.settings import PipelineSettings


class Protocol(StrEnum):
    """What is held out."""

    TEMPORAL = "temporal"
    LEAVE_OUT = "leave-out"


Held = Annotated[
    Protocol,
    typer.Option("--protocol", help="Hold out the last days, or a share of everyone's tracks."),
]
Seeds = Annotated[int | None, typer.Option(help="How many splits. [default: 5]")]


def evaluate(
    context: typer.Context,
    protocol: Held = Protocol.TEMPORAL,
    seeds: Seeds = None,
    as_json: AsJson = False,
) -> None:
    """Compare the feed with popularity, item-kNN, ALS, each source and their union."""
    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress("evaluate") as progress:
        report = run_evaluation(workspace, settings, protocol, seeds, progress)
    session.show(report, f"evaluate ({protocol.value})")


def run_evaluation(
    workspace: Workspace,
    settings: PipelineSettings,
    protocol: Protocol,
    seeds: int | None,
    progress: Progress,
) -> EvaluationReport:
    """Evaluate with the settings, and as many splits as were asked for."""
    from pipelines.evaluate import evaluate as run

    return run(
        workspace,
        protocol=protocol.value,
        config=amended(settings.evaluate, seeds=seeds),
        factors=settings.train.factors,
        training=settings.train.ranker,
        feed=settings.feed,
        progress=progress,
    )
