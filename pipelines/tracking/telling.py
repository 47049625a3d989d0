"""What `train`, `tune` and `evaluate` tell of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.artifacts import ArtifactStore
from pipelines.job import Report
from pipelines.tracking.figures import metrics_of, params_of
from pipelines.tracking.run_log import RunLog
from pipelines.train import TrainReport
from pipelines.tuning.report import TuneReport

REPORT = "report.json"
MODELS = ("ranker",)  # what is registered: vectors and factors are data, and large


def tell_run(log: RunLog, settings: Mapping[str, Any], report: Report) -> None:
    """Tell the settings, every figure of the report, and the report.

    Args:
        log: Whom.
        settings: The sections that decided the run.
        report: What came of it.
    """
    document = report.document()
    log.params(params_of(settings))
    log.metrics(metrics_of(document))
    log.document(REPORT, document)


def tell_training(
    log: RunLog, settings: Mapping[str, Any], report: TrainReport, artifacts: ArtifactStore
) -> None:
    """Tell a training, and keep its ranker."""
    tell_run(log, settings, report)
    for made in report.artifacts:
        if made.kind in MODELS:
            log.model(made.kind, made.version, artifacts.folder(made.kind, made.version))


def tell_search(log: RunLog, settings: Mapping[str, Any], report: TuneReport) -> None:
    """Tell a search, each trial as a run within it."""
    tell_run(log, settings, report)
    for row in report.trials:
        with log.nested(f"trial {row.trial}") as nested:
            nested.params({**row.settings, "state": row.state})
            figures = {"value": row.value, "trees": row.trees, "seconds": row.seconds}
            nested.metrics({name: one for name, one in figures.items() if one is not None})
