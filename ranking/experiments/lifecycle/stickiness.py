"""Sticky assignments in the store: whoever was in stays in, on every replica."""

from __future__ import annotations

import sqlalchemy as sa

from core.database import Database, upsert
from core.schema import sticky_assignments
from ranking.experiments.assigning.sticky import Assignments


class StoredSticky:
    """A `StickyStore` over the store; safe to use from many threads and processes.

    Of two that assign one listener at the same moment the later one is kept; both had the same hash
    to go by.

    Args:
        database: The store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, attribute: str, value: str) -> Assignments:
        """Return what was kept."""
        table = sticky_assignments.c
        query = sa.select(table.assignments)
        query = query.where(table.attribute == attribute, table.value == value)
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return dict(found) if found else {}

    def keep(self, attribute: str, value: str, assignments: Assignments) -> None:
        """Keep assignments in place of what was kept before."""
        row = {"attribute": attribute, "value": value, "assignments": dict(assignments)}
        with self._database.write() as connection:
            upsert(connection, sticky_assignments, [row], ["assignments"])
