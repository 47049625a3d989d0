"""The desk of experiments: teams write, start, widen and end them; each move is checked and kept.

All changes of a store wait for each other, so that two that are started at once see one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from core.database import Database, lock_until_commit
from core.errors import ConflictError
from core.schema import experiment_changes, experiments
from ranking.experiments.configuration import Frame
from ranking.experiments.definitions.spec import ExperimentSpec
from ranking.experiments.lifecycle.moves import Said, check_move, check_said, stale
from ranking.experiments.lifecycle.readiness import Grounds, check_ready
from ranking.experiments.lifecycle.stored import (
    Action,
    Status,
    StoredExperiment,
    find_experiment,
    running,
    show_experiment,
)
from ranking.experiments.lifecycle.widening import check_wider

LOCK = "experiments"
_ACTIONS: Mapping[Status, Action] = {
    "running": "started", "stopped": "stopped", "archived": "archived",
}  # fmt: skip


class ExperimentDesk:
    """The experiments of one store; safe to use from many threads and processes.

    Args:
        database: The store.
        frame: What experiments that start now are laid into.
    """

    def __init__(self, database: Database, frame: Frame | None = None) -> None:
        self._database = database
        self._frame = frame or Frame()

    def create(self, spec: ExperimentSpec, said: Said) -> StoredExperiment:
        """Lay down a draft; the same spec is laid down once.

        Args:
            spec: The experiment.
            said: Who writes it.

        Raises:
            ConflictError: If another experiment bears its key.
        """
        with self._database.write() as connection:
            lock_until_commit(connection, LOCK)
            found = find_experiment(connection, spec.key)
            if found is None:
                start = {"status": "draft", "revision": 1, "created_at": said.at}
                row = {"key": spec.key, **start, **_written(spec, self._frame)}
                connection.execute(sa.insert(experiments).values(row | {"updated_at": said.at}))
                return _noted(connection, spec.key, "created", said)
        if found.revision == 1 and found.spec == spec:
            return found
        raise ConflictError(
            f"another experiment is called {spec.key!r} and is {found.status}; choose a key that "
            "was never used, or edit that one while it is a draft"
        )

    def edit(self, spec: ExperimentSpec, revision: int, said: Said) -> StoredExperiment:
        """Replace what a draft says, or widen what runs, unless somebody else changed it first.

        Args:
            spec: The whole experiment as it shall be; its key says which.
            revision: The revision that the editor saw.
            said: Who edits.

        Raises:
            UnknownIdError: If nothing is called so.
            ConflictError: If the revision is not the newest, or the experiment is over.
            ExperimentError: If it runs, and more than its places would change or somebody move.
        """
        with self._database.write() as connection:
            found = _locked(connection, spec.key)
            if found.spec == spec:
                return found
            if found.revision != revision:
                raise stale(found, revision)
            if found.status == "draft":
                return _changed(connection, found, "edited", said, _written(spec, self._frame))
            if found.status == "running":
                check_wider(found, spec, running(connection))
                return _changed(connection, found, "widened", said, _written(spec, found.frame))
        raise ConflictError(
            f"experiment {spec.key!r} is {found.status} and stays as it was; create another one"
        )

    def start(
        self, key: str, said: Said, *, grounds: Grounds, revision: int | None = None
    ) -> StoredExperiment:
        """Let listeners into a draft; one that runs stays as it is.

        Args:
            key: Which.
            said: Who starts it, and why.
            grounds: What it is checked against.
            revision: The revision that they read; None starts whatever stands there.

        Raises:
            UnknownIdError: If nothing is called so.
            ConflictError: If the revision is not the newest, or the experiment is over.
            DataError: If nobody says why.
            ExperimentError: Naming everything that is in the way.
        """

        def checked(connection: sa.Connection, found: StoredExperiment) -> dict[str, Any]:
            check_ready(found.spec, self._frame, running(connection), grounds)
            return {"frame": self._frame.model_dump(mode="json"), "started_at": said.at}

        check_said(said, key)
        return self._move(key, "running", said, revision, checked)

    def stop(self, key: str, said: Said, *, revision: int | None = None) -> StoredExperiment:
        """End an experiment for every listener; it cannot start again, and one that ended stays so.

        Args:
            key: Which.
            said: Who stops it, and why.
            revision: The revision that they read; None stops whatever stands there.

        Raises:
            UnknownIdError: If nothing is called so.
            ConflictError: If the revision is not the newest, or it does not run.
            DataError: If nobody says why.
        """
        check_said(said, key)
        return self._move(key, "stopped", said, revision, lambda *_: {"stopped_at": said.at})

    def archive(self, key: str, said: Said, *, revision: int | None = None) -> StoredExperiment:
        """Put away a draft, or what was stopped.

        Args:
            key: Which; one that is archived stays as it is.
            said: Who puts it away.
            revision: The revision that they read; None archives whatever stands there.

        Raises:
            UnknownIdError: If nothing is called so.
            ConflictError: If the revision is not the newest, or it runs.
        """
        return self._move(key, "archived", said, revision, lambda *_: {})

    def _move(
        self,
        key: str,
        to: Status,
        said: Said,
        revision: int | None,
        values: Callable[[sa.Connection, StoredExperiment], dict[str, Any]],
    ) -> StoredExperiment:
        with self._database.write() as connection:
            found = _locked(connection, key)
            # The move itself made a revision; said twice it is still that of the one before.
            said_before = found.status == to and revision == found.revision - 1
            if revision not in (None, found.revision) and not said_before:
                raise stale(found, revision)
            if found.status == to:
                return found
            check_move(found, to)
            changes = {"status": to, **values(connection, found)}
            return _changed(connection, found, _ACTIONS[to], said, changes)


def _locked(connection: sa.Connection, key: str) -> StoredExperiment:
    """Read an experiment so that nobody changes any before this transaction ends."""
    lock_until_commit(connection, LOCK)
    return show_experiment(connection, key)


def _written(spec: ExperimentSpec, frame: Frame) -> dict[str, Any]:
    return {
        "spec": spec.model_dump(mode="json"),
        "layer": spec.layer,
        "frame": frame.model_dump(mode="json"),
    }


def _changed(
    connection: sa.Connection,
    found: StoredExperiment,
    action: Action,
    said: Said,
    values: Mapping[str, Any],
) -> StoredExperiment:
    row = {**values, "revision": found.revision + 1, "updated_at": said.at}
    connection.execute(sa.update(experiments).where(experiments.c.key == found.key).values(row))
    return _noted(connection, found.key, action, said)


def _noted(connection: sa.Connection, key: str, action: Action, said: Said) -> StoredExperiment:
    """Write down what was done, beside what came of it, and return that."""
    after = show_experiment(connection, key)
    row = {
        "key": key, "revision": after.revision, "action": action, "at": said.at, "who": said.who,
        "why": said.why.strip(), "status": after.status, "spec": after.spec.model_dump(mode="json"),
    }  # fmt: skip
    connection.execute(sa.insert(experiment_changes).values(row))
    return after
