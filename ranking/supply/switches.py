"""The kill switch: what may not be ordered until somebody says that it may again."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from core.database import Database, lock_until_commit, upsert
from core.schema import supply_switches

EVERYTHING = "all"
GENERATORS = ("synth", "mureka", "folder")
"""Every generator there is, whether or not the settings make it available."""
LOCK = "supply switches"


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch as it stands.

    Args:
        name: A generator, or `all`.
        stopped: Whether nothing may be ordered.
        reason: Why it was set so.
        set_by: Who set it.
        set_at: When, UTC milliseconds.
    """

    name: str
    stopped: bool
    reason: str
    set_by: str
    set_at: int


def set_switch(
    database: Database, name: str, *, stopped: bool, reason: str, who: str, now_ms: int
) -> Switch:
    """Stop or resume the orders to a generator, or to all; what stands so already stays.

    Args:
        database: The store.
        name: A generator, or `all`.
        stopped: Whether to stop.
        reason: Why.
        who: Who says so.
        now_ms: When.

    Returns:
        The switch as it stands now.
    """
    row = {
        "name": name, "stopped": stopped, "reason": reason, "set_by": who, "set_at": now_ms
    }  # fmt: skip
    with database.write() as connection:
        lock_until_commit(connection, LOCK)
        standing = _switches(connection, (name,))
        if standing and standing[0].stopped == stopped:
            return standing[0]
        upsert(connection, supply_switches, [row], ["stopped", "reason", "set_by", "set_at"])
    return Switch(name, stopped, reason, who, now_ms)


def list_switches(database: Database) -> tuple[Switch, ...]:
    """Return every switch that was ever set, in order of name."""
    with database.read() as connection:
        return _switches(connection)


def known_names(connection: sa.Connection) -> tuple[str, ...]:
    """Return what may be stopped: all, every generator, and what was stopped before."""
    before = connection.execute(sa.select(supply_switches.c.name)).scalars()
    return tuple(dict.fromkeys((EVERYTHING, *GENERATORS, *sorted(before))))


def why_stopped(connection: sa.Connection, generator: str) -> str:
    """Return why nothing may be ordered of a generator now, or "" where it may."""
    for switch in _switches(connection, (EVERYTHING, generator)):
        if switch.stopped:
            return f"{switch.name} was stopped by {switch.set_by}: {switch.reason}"
    return ""


def _switches(connection: sa.Connection, names: tuple[str, ...] = ()) -> tuple[Switch, ...]:
    query = sa.select(supply_switches).order_by(supply_switches.c.name)
    if names:
        query = query.where(supply_switches.c.name.in_(names))
    return tuple(Switch(**row) for row in connection.execute(query).mappings())
