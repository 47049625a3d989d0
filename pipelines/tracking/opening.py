"""The run log that the settings ask for."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec

from core.errors import ConfigError
from pipelines.tracking.configuration import TrackingConfig
from pipelines.tracking.run_log import ForgivingRunLog, NoRunLog, RunLog


@contextmanager
def open_run_log(config: TrackingConfig, name: str) -> Iterator[RunLog]:
    """Open a run for the length of the block; where its tracker fails, the block goes on.

    Args:
        config: Where runs are told to.
        name: What the run is called.

    Raises:
        ConfigError: If MLflow is wanted and not installed.
    """
    if not config.mlflow:
        yield NoRunLog()
        return
    with ForgivingRunLog(_Opened(_mlflow_run(config, name))).nested(name) as log:
        yield log


class _Opened(NoRunLog):
    """A log whose nested run is one that is not yet open."""

    def __init__(self, run: AbstractContextManager[RunLog]) -> None:
        self._run = run

    def nested(self, name: str) -> AbstractContextManager[RunLog]:  # noqa: ARG002
        """Return the run."""
        return self._run


def _mlflow_run(config: TrackingConfig, name: str) -> AbstractContextManager[RunLog]:
    if find_spec("mlflow") is None:
        raise ConfigError(
            f"[tracking] mlflow is {config.mlflow!r}, and MLflow is not installed; "
            "run pip install 'segue[mlflow]', or leave the setting empty"
        )
    # MLflow reads these when it is loaded: it would try a dead server for minutes, print its URL
    # into our JSON, and tell its makers how it is used.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(config.timeout_s))
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    from pipelines.tracking.mlflow_log import mlflow_run

    return mlflow_run(config, name)
