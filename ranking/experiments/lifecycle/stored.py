"""Experiments as the store keeps them, read back as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from pydantic import ValidationError

from core.errors import ExperimentError, UnknownIdError
from core.schema import experiment_changes, experiments
from ranking.experiments.configuration import Frame
from ranking.experiments.definitions.definition import Experiment
from ranking.experiments.definitions.resolving import Stage, experiment_of
from ranking.experiments.definitions.spec import ExperimentSpec

Status = Literal["draft", "running", "stopped", "archived"]
Action = Literal["created", "edited", "started", "widened", "stopped", "archived"]
SEEN_BY_LISTENERS: tuple[Action, ...] = ("started", "widened", "stopped")
_STAGES: Mapping[Status, Stage] = {
    "draft": "draft", "running": "running", "stopped": "stopped", "archived": "stopped",
}  # fmt: skip


@dataclass(frozen=True)
class StoredExperiment:
    """An experiment as it is kept.

    Args:
        key: Its key.
        revision: Counts its changes, from 1; a change names the one it was made from.
        status: Where it stands.
        spec: What the team wrote.
        frame: What it was laid into when it was written or started last.
        created_at: UTC milliseconds.
        updated_at: UTC milliseconds.
        started_at: UTC milliseconds; None before.
        stopped_at: UTC milliseconds; None before.
    """

    key: str
    revision: int
    status: Status
    spec: ExperimentSpec
    frame: Frame
    created_at: int
    updated_at: int
    started_at: int | None
    stopped_at: int | None

    @cached_property
    def document(self) -> Experiment:
        """The experiment as SDKs take it; what decides who gets which variation."""
        return experiment_of(self.spec, self.frame, _STAGES[self.status])

    @cached_property
    def forced(self) -> Mapping[str, int]:
        """Value of the hash attribute → number of the variation, for testers."""
        placed = {who: self.spec.place_of(key) for who, key in self.spec.forced.items()}
        return {who: place for who, place in placed.items() if place >= 0}


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an experiment.

    Args:
        revision: The revision that it made.
        action: What was done.
        at: When, UTC milliseconds.
        who: Who did it.
        why: What they said.
        status: Where the experiment stood after it.
        spec: What the experiment was after it.
    """

    revision: int
    action: Action
    at: int
    who: str
    why: str
    status: Status
    spec: ExperimentSpec


def running(connection: sa.Connection) -> tuple[StoredExperiment, ...]:
    """Return the experiments that run, in order of key."""
    query = sa.select(experiments).where(experiments.c.status == "running")
    rows = connection.execute(query.order_by(experiments.c.key)).mappings()
    return tuple(map(stored_experiment, rows))


class ExperimentsState(NamedTuple):
    """A digest of what runs: another one means that one was started, widened or stopped."""

    change_id: int
    at: int


def experiments_state(connection: sa.Connection) -> ExperimentsState:
    """Return the digest of now."""
    table = experiment_changes.c
    query = sa.select(table.change_id, table.at).where(table.action.in_(SEEN_BY_LISTENERS))
    newest = connection.execute(query.order_by(table.change_id.desc()).limit(1)).first()
    return ExperimentsState(0, 0) if newest is None else ExperimentsState(*newest)


def list_experiments(
    connection: sa.Connection,
    status: Status | None = None,
    layer: str | None = None,
    *,
    limit: int | None = None,
    offset: int = 0,
) -> tuple[StoredExperiment, ...]:
    """Return experiments, the newest first.

    Args:
        connection: A read transaction.
        status: Only those that stand so.
        layer: Only those in this layer; "" for those in a layer of their own.
        limit: At most so many.
        offset: Leave out so many of the newest.
    """
    query = sa.select(experiments).order_by(experiments.c.created_at.desc(), experiments.c.key)
    if status is not None:
        query = query.where(experiments.c.status == status)
    if layer is not None:
        query = query.where(experiments.c.layer == layer)
    rows = connection.execute(query.limit(limit).offset(offset)).mappings()
    return tuple(map(stored_experiment, rows))


def find_experiment(connection: sa.Connection, key: str) -> StoredExperiment | None:
    """Return one experiment, None where nothing is called so."""
    query = sa.select(experiments).where(experiments.c.key == key)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else stored_experiment(row)


def show_experiment(connection: sa.Connection, key: str) -> StoredExperiment:
    """Return one experiment.

    Raises:
        UnknownIdError: If nothing is called so.
    """
    found = find_experiment(connection, key)
    if found is None:
        raise UnknownIdError(f"there is no experiment {key!r}; `segue experiment list` lists them")
    return found


def history(connection: sa.Connection, key: str) -> tuple[Change, ...]:
    """Return every change of an experiment, the first one first.

    Raises:
        UnknownIdError: If nothing is called so.
    """
    show_experiment(connection, key)
    table = experiment_changes.c
    query = sa.select(
        table.revision, table.action, table.at, table.who, table.why, table.status, table.spec
    ).where(table.key == key)
    rows = connection.execute(query.order_by(table.revision)).mappings()
    return tuple(
        Change(**{**row, "spec": ExperimentSpec.model_validate(row["spec"])}) for row in rows
    )


def stored_experiment(row: sa.RowMapping) -> StoredExperiment:
    """Return a row of the table of experiments as a value.

    Raises:
        ExperimentError: If another version of the program wrote it.
    """
    values: dict[str, Any] = {str(name): value for name, value in row.items()}
    del values["layer"]  # stands there to be searched by
    try:
        spec = ExperimentSpec.model_validate(values.pop("spec"))
        frame = Frame.model_validate(values.pop("frame"))
    except ValidationError as error:
        raise ExperimentError(
            f"experiment {values['key']!r} cannot be read from the store: "
            f"{error.errors()[0]['msg']}; use the version of segue that wrote it"
        ) from error
    return StoredExperiment(spec=spec, frame=frame, **values)
