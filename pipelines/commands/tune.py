"""`segue tune`: better settings than today's, if there are any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.display import print_report
from pipelines.commands.options import AsJson
from pipelines.commands.session import session_of
from pipelines.commands.train import DEFAULT_SEED, TrainSeed

if TYPE_CHECKING:
    from core.workspace import Workspace
    from pipelines.commands.session import Session
    from pipelines.job import Progress
    from pipelines.settings import PipelineSettings
    from pipelines.tuning.material import Material
    from pipelines.tuning.report import TuneReport

app = typer.Typer(no_args_is_help=True, help="Search for settings that do better.")

TrialsWanted = Annotated[
    int, typer.Option(min=1, max=10_000, help="Finished trials in all, those of earlier calls too.")
]
Timeout = Annotated[
    float | None, typer.Option(min=0, help="Seconds after which no trial is begun. [default: none]")
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        exists=True,
        dir_okay=False,
        help="An exported training set with its settings and its seed, instead of the data folder "
        "as it is now.",
    ),
]
Write = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="Settings file to write: today's with the best put over."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")]


@app.callback()
def tune() -> None:
    """Search for settings that do better."""


@app.command("ranker")
def tune_ranker(
    context: typer.Context,
    trials: TrialsWanted = 30,
    timeout: Timeout = None,
    seed: TrainSeed = DEFAULT_SEED,
    source: From = None,
    write: Write = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Search how the ranker's trees are grown; a call that was killed goes on where it was."""
    from pipelines.ranker_training.training_file import refuse_existing
    from pipelines.tracking.opening import open_run_log
    from pipelines.tracking.telling import tell_search
    from pipelines.tuning.material import FOLDER, alone
    from pipelines.tuning.run import require_optuna
    from pipelines.tuning.run import tune as run

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    require_optuna()  # before the work, like the file
    if write is not None:
        refuse_existing(write, force=force)
    with (
        open_run_log(settings.tracking, "tune ranker") as log,
        session.workspace(settings) as workspace,
        session.progress("tune") as progress,
    ):
        folder = workspace.root / FOLDER
        with alone(folder):
            report = run(
                _material(workspace, settings, source, seed, progress),
                settings.tune,
                folder,
                trials=trials,
                timeout_s=timeout,
                progress=progress,
            )
        tell_search(log, {**session.told(settings, "tune", "train", "feed"), "seed": seed}, report)
    if write is not None:
        _write(session, report, write)
    _show(session, report, write)


def _material(
    workspace: Workspace,
    settings: PipelineSettings,
    source: Path | None,
    seed: int,
    progress: Progress,
) -> Material:
    from pipelines.ranker_training.training_input import read_training_input
    from pipelines.tuning.material import FOLDER, from_file, made_once

    if source is not None:
        return from_file(source)
    read = read_training_input(workspace, settings.train, settings.feed, seed)
    return made_once(read, workspace.root / FOLDER, progress)


def _write(session: Session, report: TuneReport, path: Path) -> None:
    from core.settings import settings_file
    from pipelines.tuning.toml_text import merged, toml_text

    text = toml_text(merged(settings_file(session.config), report.settings))
    verdict = "better than" if report.better else "NOT shown to be better than"
    head = (
        f"# The best of {report.finished} trials ({report.study}): {report.measure} "
        f"{report.first_value:.4f} → {report.best_value:.4f}.\n# On listeners who had no part in "
        f"the choice: {report.honest_gain.mean:+.4f} [{report.honest_gain.low:+.4f}, "
        f"{report.honest_gain.high:+.4f}], {verdict} the settings before.\n"
    )
    path.write_text(head + text, encoding="utf-8")


def _show(session: Session, report: TuneReport, path: Path | None) -> None:
    if session.as_json:
        session.show(report, "tune ranker")
        return
    document = report.document()
    text = document.pop("toml")
    document.pop("settings")
    print_report(session.out, "tune ranker", document)
    session.out.print(text, markup=False, highlight=False)
    if path is not None:
        session.say(f"Written to {path}; `segue train ranker --config {path}` uses it.")
