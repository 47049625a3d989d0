"""`segue evaluate`: the feed, or what the ear learned, beside plain baselines, with intervals."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.display import print_report
from pipelines.commands.off_policy import off_policy
from pipelines.commands.options import AsJson, Seed, amended
from pipelines.commands.session import now_ms, session_of

if TYPE_CHECKING:
    from core.workspace import Workspace
    from pipelines.audio_evaluation.comparison import Outside
    from pipelines.audio_evaluation.report import AudioEvaluationReport
    from pipelines.commands.session import Session
    from pipelines.evaluate import EvaluationReport
    from pipelines.evaluation.configuration import EvaluateConfig
    from pipelines.job import Progress
    from pipelines.settings import PipelineSettings

app = typer.Typer(invoke_without_command=True)
app.command("off-policy")(off_policy)


class Protocol(StrEnum):
    """What is held out."""

    TEMPORAL = "temporal"
    LEAVE_OUT = "leave-out"


Held = Annotated[
    Protocol,
    typer.Option("--protocol", help="Hold out the last days, or a share of everyone's tracks."),
]
Seeds = Annotated[int | None, typer.Option(help="How many splits. [default: 5]")]
ReportFolder = Annotated[
    Path | None,
    typer.Option(
        "--report",
        file_okay=False,
        help="Write a page into this folder: index.html, alone, and report.json.",
    ),
]
BringBack = Annotated[
    bool,
    typer.Option("--repeats", help="By time: tracks met before are to be found, and offered, too."),
]
Label = Annotated[
    str | None,
    typer.Option(
        help="What says which tracks belong together: a column of the tracks table, or a key of "
        "the imported metadata. [default: artist]"
    ),
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        exists=True,
        file_okay=False,
        help="Judge the live encoder on recordings outside the catalogue.",
    ),
]
Metadata = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="With --from: a CSV with the label, and track_id (a file's stem) or file (its path).",
    ),
]
Folds = Annotated[
    int | None, typer.Option(help="Parts of the catalogue, each judged by the rest. [default: 2]")
]
Copies = Annotated[
    int | None, typer.Option(help="Duplicates: recordings a transformation. [default: 120]")
]
Only = Annotated[str, typer.Option(help="Some of retrieval,cold-start,duplicates. [default: all]")]
Repeats = Annotated[
    int | None,
    typer.Option("--seeds", help="How often all is cut and trained. [default: 2; cold start 3]"),
]
Relearn = Annotated[
    bool,
    typer.Option(
        "--relearn",
        help="Train an encoder for each cold start, without the tracks whose plays are hidden.",
    ),
]

HeldDays = Annotated[int | None, typer.Option(help="Latest days that are judged. [default: 2]")]
DayOffset = Annotated[
    float | None, typer.Option(help="Hours before midnight UTC at which days begin. [default: 0]")
]
Resamples = Annotated[int | None, typer.Option(help="Bootstrap resamples. [default: 400]")]
DEFAULT_SEED = 7


@app.callback()
def evaluate(
    context: typer.Context,
    protocol: Held = Protocol.TEMPORAL,
    seeds: Seeds = None,
    repeats: BringBack = False,
    report: ReportFolder = None,
    as_json: AsJson = False,
) -> None:
    """Compare the feed with popularity, item-kNN, ALS, each source and their union."""
    if repeats and protocol is not Protocol.TEMPORAL:
        raise typer.BadParameter("--repeats goes with --protocol temporal: only times tell repeats")
    session = session_of(context, as_json=as_json)
    if context.invoked_subcommand is not None:
        _refuse_strays(context)
        context.find_root().obj = session
        return
    from pipelines.tracking.opening import open_run_log
    from pipelines.tracking.telling import tell_run

    settings = session.settings()
    with (
        open_run_log(settings.tracking, f"evaluate {protocol.value}") as log,
        session.workspace(settings) as workspace,
        session.progress("evaluate") as progress,
    ):
        judged = amended(settings.evaluate, seeds=seeds, repeats=repeats or None)
        found = run_evaluation(workspace, settings, protocol, judged, progress, report)
        tell_run(log, session.told(settings, "train", "feed", "evaluate"), found)
    session.show(found, f"evaluate ({protocol.value})")
    if report is not None:
        session.say(f"{report / 'index.html'} shows it; report.json beside it holds the figures.")


@app.command()
def audio(
    context: typer.Context,
    label: Label = None,
    outside: From = None,
    metadata: Metadata = None,
    folds: Folds = None,
    seeds: Repeats = None,
    copies: Copies = None,
    only: Only = "",
    relearn: Relearn = False,
    as_json: AsJson = False,
) -> None:
    """Compare the encoder with MFCC statistics and chance; judge cold start and duplicates."""
    from pipelines.audio_evaluation.cold_start import ColdStartConfig
    from pipelines.audio_evaluation.configuration import AudioEvaluationConfig
    from pipelines.audio_evaluation.run import AudioJudgement, evaluate_audio

    session = session_of(context, as_json=as_json)
    place = _outside(outside, metadata, folds)
    config = amended(AudioEvaluationConfig(), label=label, folds=folds, seeds=seeds, copies=copies)
    cold_start = amended(ColdStartConfig(relearn=relearn), seeds=seeds)
    settings = session.settings()
    asked = AudioJudgement(
        config,
        settings.embeddings.audio,
        settings.train.factors,
        cold_start,
        duplicates=settings.embeddings.duplicates,
        outside=place,
    )
    parts = [word for part in only.split(",") if (word := part.strip())]
    with session.workspace(settings) as workspace, session.progress("evaluate audio") as progress:
        report = evaluate_audio(workspace, asked, parts, progress)
    _show(session, report)


@app.command()
def heads(
    context: typer.Context,
    held_days: HeldDays = None,
    day_offset_hours: DayOffset = None,
    resamples: Resamples = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Compare heads on slots shown later with a logistic model and plain trees."""
    from pipelines.heads_evaluation.configuration import HeadsEvaluationConfig
    from pipelines.heads_evaluation.run import evaluate_heads
    from pipelines.tracking.opening import open_run_log
    from pipelines.tracking.telling import tell_run

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    config = amended(
        HeadsEvaluationConfig(),
        held_days=held_days,
        day_offset_hours=day_offset_hours,
        resamples=resamples,
    )
    with (
        open_run_log(settings.tracking, "evaluate heads") as log,
        session.workspace(settings) as workspace,
        session.progress("evaluate heads") as progress,
    ):
        report = evaluate_heads(
            workspace,
            config,
            settings.train.factors,
            settings.train.ranker.heads,
            DEFAULT_SEED if seed is None else seed,
            progress,
        )
        tell_run(log, session.told(settings, "train", "evaluate"), report)
    session.show(report, "evaluate heads")


def _refuse_strays(context: typer.Context) -> None:
    """Refuse options of the feed's evaluation that stand before a sub-command."""
    for name in ("protocol", "seeds", "report"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            command = context.invoked_subcommand
            raise typer.BadParameter(f"--{name} before {command} has no effect; put it after")


def _outside(folder: Path | None, metadata: Path | None, folds: int | None) -> Outside | None:
    from pipelines.audio_evaluation.comparison import Outside

    if folder is None and metadata is None:
        return None
    if folder is None or metadata is None:
        raise typer.BadParameter("--from and --metadata belong together; give both")
    if folds is not None:
        raise typer.BadParameter("--folds has no meaning with --from, which trains nothing")
    return Outside(folder, metadata)


def _show(session: Session, report: AudioEvaluationReport) -> None:
    if session.as_json:
        session.show(report, "evaluate audio")
        return
    for title, document in report.parts():
        print_report(session.out, f"evaluate audio: {title}", document)


def run_evaluation(
    workspace: Workspace,
    settings: PipelineSettings,
    protocol: Protocol,
    config: EvaluateConfig,
    progress: Progress,
    folder: Path | None = None,
) -> EvaluationReport:
    """Evaluate with the settings, as much as the configuration asks; a folder takes the page."""
    from pipelines.evaluate import evaluate as run
    from pipelines.judgement_page.collecting import PageCollector
    from pipelines.judgement_page.page import prepare_folder, write_page

    if folder is not None:
        prepare_folder(folder)
    timed = protocol is Protocol.TEMPORAL
    collector = PageCollector(workspace, settings.train.ranker, timed=timed)
    found = run(
        workspace,
        protocol=protocol.value,
        config=config,
        factors=settings.train.factors,
        training=settings.train.ranker,
        feed=settings.feed,
        progress=progress,
        observer=None if folder is None else collector,
    )
    if folder is not None:
        write_page(collector.document(found, now_ms()), folder)
    return found
