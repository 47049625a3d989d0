"""Programs that are killed at a chosen moment, and what store and warehouse hold afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.schema import metadata
from core.tables import WAREHOUSE_TABLES
from core.warehouse import Batch, Warehouse
from core.workspace import Workspace

ROOT = Path(__file__).parents[2]
FILES_OF_THE_WAREHOUSE = "warehouse_files"  # names differ from run to run; the rows are compared
POINTS = ("before the commit", "inside the transaction", "after the commit")


def kill_self() -> None:
    """Die as by power cut: no handler, no clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    """Let this process die at a moment of its next commit of a batch.

    Args:
        point: One of `POINTS`.
    """
    commit, settled = Batch.commit, Warehouse._settled

    def dies_before(batch: Batch) -> Any:
        if batch._staged:
            kill_self()
        return commit(batch)

    def dies_inside(connection: sa.Connection, clause: Any, *_: Any) -> None:
        if isinstance(clause, sa.sql.dml.Insert) and clause.table.name == FILES_OF_THE_WAREHOUSE:
            kill_self()

    def dies_after(warehouse: Warehouse, relative: str) -> Path:
        if not (warehouse.root / relative).exists():  # about to be moved into place
            kill_self()
        return settled(warehouse, relative)

    if point == "before the commit":
        Batch.commit = dies_before  # type: ignore[assignment]
    elif point == "inside the transaction":
        # The last statement: everything else of the transaction was written.
        sa.event.listen(sa.Engine, "after_execute", dies_inside)
    else:
        Warehouse._settled = dies_after  # type: ignore[method-assign]


def run_and_kill(script: str, point: str) -> None:
    """Run Python code in a process of its own that dies at a point of its first commit.

    Args:
        script: The code.
        point: One of `POINTS`.
    """
    code = f"from tests.support.killing import arm\narm({point!r})\n{script}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def state_of(workspace: Workspace) -> dict[str, list[Any]]:
    """Return every row of the store and of the warehouse, in an order of their own."""
    state: dict[str, list[Any]] = {}
    with workspace.database.read() as connection:
        for table in metadata.tables.values():
            if table.name != FILES_OF_THE_WAREHOUSE:
                rows = connection.execute(sa.select(table))
                state[f"store {table.name}"] = sorted(map(repr, rows))
    for table in WAREHOUSE_TABLES.values():
        rows = workspace.warehouse.read(table).rows()
        state[f"warehouse {table.name}"] = sorted(map(repr, rows))
    return state


def stray_files(workspace: Workspace) -> set[Path]:
    """Return files below the warehouse that neither stand in the store's list nor await a move."""
    with workspace.database.read() as connection:
        listed = sa.select(metadata.tables[FILES_OF_THE_WAREHOUSE].c.path)
        known = {workspace.warehouse.root / path for path in connection.execute(listed).scalars()}
    return set(workspace.warehouse.root.rglob("*.parquet")) - known
