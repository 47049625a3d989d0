"""`segue experiment analyze`: what an experiment changed, and what to do."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.options import AsJson, amended
from pipelines.commands.session import Session, now_ms, session_of

if TYPE_CHECKING:
    from pipelines.experiments.analysis.report import AnalysisReport
    from pipelines.experiments.configuration import AnalysisConfig
    from pipelines.experiments.question import Question
    from pipelines.settings import PipelineSettings
    from ranking.experiments.lifecycle.stored import StoredExperiment


class MethodChoice(StrEnum):
    """How often one may look."""

    FIXED_HORIZON = "fixed_horizon"
    ALWAYS_VALID = "always_valid"
    GROUP_SEQUENTIAL = "group_sequential"


Key = Annotated[str, typer.Argument(show_default=False, help="The experiment's key.")]
Spec = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        readable=True,
        help="What is asked, as TOML or JSON: key, variations, metrics, method.",
    ),
]
Given = Annotated[
    Path | None,
    typer.Option(
        "--from-aggregates",
        exists=True,
        dir_okay=False,
        readable=True,
        help="Analyse sums that were computed elsewhere (JSON) instead of the warehouse.",
    ),
]
Saved = Annotated[
    Path | None,
    typer.Option(
        "--save-aggregates",
        dir_okay=False,
        help="Write the sums of the analysis, to be read by --from-aggregates.",
    ),
]
MetricsFile = Annotated[
    Path | None,
    typer.Option(
        "--metrics",
        exists=True,
        dir_okay=False,
        readable=True,
        help="The metric file. [default: [experiments] metrics, or the ready ones]",
    ),
]
Triggered = Annotated[
    bool, typer.Option(help="Count only listeners with a page that differs, from then on.")
]
SegmentFile = Annotated[
    Path | None,
    typer.Option(
        "--segments",
        exists=True,
        dir_okay=False,
        readable=True,
        help="CSV or Parquet with user_id and columns to cut listeners by, such as country.",
    ),
]
Method = Annotated[MethodChoice | None, typer.Option(help="How often one may look.")]
ReportFolder = Annotated[
    Path | None,
    typer.Option(
        "--report",
        file_okay=False,
        help="Write a page into this folder: index.html, alone, and report.json.",
    ),
]


def analyze(
    context: typer.Context,
    key: Key,
    spec: Spec = None,
    from_aggregates: Given = None,
    save_aggregates: Saved = None,
    metrics: MetricsFile = None,
    triggered: Triggered = False,
    segments: SegmentFile = None,
    method: Method = None,
    report: ReportFolder = None,
    as_json: AsJson = False,
) -> None:
    """Tell what an experiment changed, and whether to ship it, hold on, or stop."""
    from pipelines.judgement_page.page import prepare_folder

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    config = amended(settings.experiments, metrics=metrics)
    if report is not None:
        prepare_folder(report)
    if from_aggregates is not None:
        _check_alone(triggered or segments is not None or save_aggregates is not None)
        found = _analyse_file(key, spec, from_aggregates, method, config)
        _show(session, found, report)
        return
    stored = _stored(session, settings, key) if spec is None else None
    if stored is not None and stored.spec.interleave:
        _show_interleaved(session, settings, _asked_of(stored, method))
        return
    question = _asked_of(stored, method) if stored else _question(key, spec, method)
    found = _analyse_warehouse(
        session, settings, question, config, triggered, segments, save_aggregates
    )
    if stored is not None and not (triggered or method or segments):
        _keep(session, settings, found)
    _show(session, found, report)


def _check_alone(more: bool) -> None:
    if more:
        raise typer.BadParameter(
            "--triggered, --segments and --save-aggregates need the warehouse; leave them out "
            "with --from-aggregates"
        )


def _show(session: Session, found: AnalysisReport, folder: Path | None) -> None:
    from pipelines.experiments.analysis.report import BriefReport
    from pipelines.experiments.results_page.page import write_page

    if folder is not None:
        write_page(found, folder)
    session.show(found if session.as_json else BriefReport(full=found), f"experiment {found.key}")
    if not session.as_json:
        for one in found.decisions:
            session.say(f"{one.variation}: {one.line}")
        for note in found.notes:
            session.say(note)
    if folder is not None:
        session.say(f"{folder / 'index.html'} shows it; report.json beside it holds the figures.")


def _stored(session: Session, settings: PipelineSettings, key: str) -> StoredExperiment:
    from core.errors import ConfigError
    from ranking.experiments.lifecycle.stored import find_experiment

    with (
        session.workspace(settings) as workspace,
        workspace.database.read() as connection,
    ):
        found = find_experiment(connection, key)
    if found is None:
        raise ConfigError(
            f"there is no experiment {key!r}; `segue experiment list` lists them, and of one that "
            "another system runs give --spec FILE with its variations and metrics"
        )
    return found


def _asked_of(stored: StoredExperiment, method: MethodChoice | None) -> Question:
    from pipelines.experiments.asking import question_of

    return _by_method(question_of(stored, now_ms()), method)


def _keep(session: Session, settings: PipelineSettings, found: AnalysisReport) -> None:
    """Keep what was found for those who ask over HTTP."""
    from ranking.experiments.lifecycle.results import keep_results

    with (
        session.workspace(settings) as workspace,
        workspace.database.write() as connection,
    ):
        keep_results(connection, found.key, found.document(), now_ms())


def _show_interleaved(session: Session, settings: PipelineSettings, question: Question) -> None:
    from pipelines.experiments.interleaved.report import analyse_interleaved
    from ranking.experiments.lifecycle.results import keep_results

    with session.workspace(settings) as workspace:
        found = analyse_interleaved(workspace.warehouse, question, now_ms())
        with workspace.database.write() as connection:
            keep_results(connection, question.key, found.document(), now_ms())
    session.show(found, f"experiment {question.key}")


def _question(key: str, spec: Path | None, method: MethodChoice | None) -> Question:
    from core.errors import ConfigError
    from pipelines.experiments.question import read_question

    assert spec is not None
    question = read_question(spec)
    if question.key != key:
        raise ConfigError(f"{spec} is of experiment {question.key!r}, not {key!r}; give its own")
    return _by_method(question, method)


def _by_method(question: Question, method: MethodChoice | None) -> Question:
    return question if method is None else amended(question, method=method.value)


def _analyse_file(
    key: str,
    spec: Path | None,
    path: Path,
    method: MethodChoice | None,
    config: AnalysisConfig,
) -> AnalysisReport:
    from pipelines.experiments.analysis.run import analyse_aggregates, question_of_aggregates
    from pipelines.experiments.measuring.metric_file import read_metrics
    from pipelines.experiments.statistics.aggregate_file import read_aggregates

    given = read_aggregates(path)
    if spec is None:
        question = _by_method(question_of_aggregates(key, given), method)
    else:
        question = _question(key, spec, method)
    return analyse_aggregates(given, question, read_metrics(config.metrics), now_ms())


def _analyse_warehouse(
    session: Session,
    settings: PipelineSettings,
    question: Question,
    config: AnalysisConfig,
    triggered: bool,
    segments: Path | None,
    saved: Path | None,
) -> AnalysisReport:
    from pipelines.experiments.analysis.run import Asked, analyse_warehouse

    asked = Asked(question, now_ms(), triggered=triggered, segments=segments)
    with (
        session.workspace(settings) as workspace,
        session.progress(f"experiment {question.key}") as progress,
    ):
        found = analyse_warehouse(
            workspace.warehouse, asked, config, settings.train.traffic, progress
        )
    if saved is not None:
        saved.write_text(found.aggregates.model_dump_json(indent=1), encoding="utf-8")
    return found.report
