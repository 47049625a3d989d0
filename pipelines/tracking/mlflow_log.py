"""Runs as MLflow keeps them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipelines.tracking.configuration import TrackingConfig
from pipelines.tracking.run_log import RunLog

BATCH = 100  # parameters that MLflow takes at once
PARAM_CHARS = 6000  # that MLflow keeps of a value
MODEL_PREFIX = "segue-"


@dataclass(frozen=True, slots=True)
class MlflowRunLog:
    """One run.

    Args:
        client: Of tracking server and registry.
        experiment_id: Where the run belongs.
        run_id: MLflow's.
        alias: What the newest model of a kind is called.
    """

    client: MlflowClient
    experiment_id: str
    run_id: str
    alias: str

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters; long values are cut."""
        left = iter([Param(name, str(value)[:PARAM_CHARS]) for name, value in values.items()])
        while batch := list(islice(left, BATCH)):
            self.client.log_batch(self.run_id, params=batch)

    def metrics(self, values: Mapping[str, float]) -> None:
        """Log metrics."""
        now_ms = time.time_ns() // 1_000_000
        left = iter([Metric(name, value, now_ms, 0) for name, value in values.items()])
        while batch := list(islice(left, BATCH)):
            self.client.log_batch(self.run_id, metrics=batch)

    def document(self, name: str, value: Mapping[str, Any]) -> None:
        """Log a JSON artifact."""
        self.client.log_dict(self.run_id, dict(value), name)

    def model(self, kind: str, version: str, folder: Path) -> None:
        """Log the files, register them as a version of the kind's model and move the alias."""
        self.client.log_artifacts(self.run_id, str(folder), kind)
        name = f"{MODEL_PREFIX}{kind}"
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
        made = self.client.create_model_version(
            name,
            source=f"runs:/{self.run_id}/{kind}",
            run_id=self.run_id,
            tags={"segue.version": version},
        )
        self.client.set_registered_model_alias(name, self.alias, made.version)

    @contextmanager
    def nested(self, name: str) -> Iterator[RunLog]:
        """Open a child run."""
        tags = {MLFLOW_PARENT_RUN_ID: self.run_id}
        run = self.client.create_run(self.experiment_id, run_name=name, tags=tags)
        child = MlflowRunLog(self.client, self.experiment_id, run.info.run_id, self.alias)
        with ended(child):
            yield child


@contextmanager
def ended(log: MlflowRunLog) -> Iterator[None]:
    """Say at the end of the block how the run ended."""
    try:
        yield
    except BaseException:
        log.client.set_terminated(log.run_id, "FAILED")
        raise
    log.client.set_terminated(log.run_id, "FINISHED")


@contextmanager
def mlflow_run(config: TrackingConfig, name: str) -> Iterator[RunLog]:
    """Open a run for the length of the block."""
    client = MlflowClient(tracking_uri=config.mlflow, registry_uri=config.mlflow)
    found = client.get_experiment_by_name(config.experiment)
    place = found.experiment_id if found else client.create_experiment(config.experiment)
    run = client.create_run(place, run_name=name)
    log = MlflowRunLog(client, place, run.info.run_id, config.alias)
    with ended(log):
        yield log
