"""Who takes part in an analysis: one row a listener, with their variation and when it began.

A listener's variation is that of their exposures; whoever has two is left out, because both
variations had a hand in what they did, and counted, because a sound experiment has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.errors import ExperimentError
from pipelines.experiments.question import Question

LISTENERS = (
    "CREATE OR REPLACE TEMP TABLE listeners AS "
    "SELECT row_number() OVER (ORDER BY user_id) - 1 AS row"
)

# Every exposed listener once. Pages whose variation nobody wrote count as one nobody knows.
_SEEN = """
CREATE OR REPLACE TEMP TABLE seen AS
SELECT user_id, min(coalesce(variation, '')) AS variation,
       min(coalesce(variation, '')) <> max(coalesce(variation, '')) AS twice,
       min(epoch_ms("at")) AS exposed_ms,
       min(epoch_ms("at")) FILTER (WHERE differs) AS triggered_ms,
       count(*) AS pages, count(differs) AS compared
FROM exposures
WHERE experiment = $key AND user_id IS NOT NULL
  AND "at" >= to_timestamp($start_ms / 1000) AND "at" < to_timestamp($until_ms / 1000)
GROUP BY user_id
"""

_EXCLUDED = """
SELECT count(*) FILTER (WHERE twice),
       count(*) FILTER (WHERE NOT twice AND arm IS NULL),
       count(*) FILTER (WHERE NOT twice AND arm IS NOT NULL AND machine)
FROM judged
"""

_TRIGGERS = """
SELECT variation, count(*), sum(pages)::BIGINT, sum(compared)::BIGINT,
       count(*) FILTER (WHERE compared > 0), count(triggered_ms)
FROM judged WHERE NOT twice AND arm IS NOT NULL AND NOT machine
GROUP BY variation
"""


class Excluded(BaseModel):
    """Listeners who were exposed and are not counted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    two_variations: int
    """Seen in more than one variation."""
    unknown_variation: int
    """In a variation that the experiment does not name."""
    machines: int
    """Machines and players left running."""


class Trigger(BaseModel):
    """How far the pages of one variation were compared with what another would have served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    variation: str
    """Its key."""
    listeners: int
    """Exposed listeners."""
    pages: int
    """Their pages."""
    pages_compared: int
    """Those that were compared."""
    listeners_compared: int
    """Listeners with at least one such page."""
    listeners_differing: int
    """Listeners with at least one page that would have been another."""


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Who takes part; the same rows stand in the connection's table `listeners`."""

    user_ids: list[str]
    """(n,) sorted."""
    arm: NDArray[np.int64]
    """(n,) index of the variation."""
    exposed_ms: NDArray[np.int64]
    """(n,) first exposure, or the first that differs, UTC milliseconds."""
    until_ms: int
    """Until when everything is counted."""

    def __len__(self) -> int:
        return self.arm.size

    def counts(self, variations: tuple[str, ...]) -> dict[str, int]:
        """Return listeners by variation."""
        found = np.bincount(self.arm, minlength=len(variations)).tolist()
        return dict(zip(variations, found, strict=True))


@dataclass(frozen=True, eq=False)
class Admission:
    """Who takes part, who does not, and how far pages were compared."""

    arrivals: Arrivals
    excluded: Excluded
    triggers: list[Trigger]


def admit(
    connection: duckdb.DuckDBPyConnection,
    question: Question,
    until_ms: int,
    machines: pl.DataFrame,
    *,
    triggered: bool = False,
) -> Admission:
    """Find the listeners of an experiment and put them into the table `listeners`.

    Args:
        connection: Of the warehouse.
        question: Whose exposures.
        until_ms: Later exposures do not count.
        machines: Column user_id: who is left out.
        triggered: Only listeners with a page that differs, from the first such page on.

    Raises:
        ExperimentError: Nobody was exposed, or no page of the control was ever compared.
    """
    values = {"key": question.key, "start_ms": question.start_ms, "until_ms": until_ms}
    connection.execute(_SEEN, values)
    connection.execute("CREATE OR REPLACE TEMP TABLE arms (variation VARCHAR, arm INTEGER)")
    named = [[name, arm] for arm, name in enumerate(question.variations)]
    connection.executemany("INSERT INTO arms VALUES (?, ?)", named)
    connection.register("machines", machines.select("user_id").to_arrow())
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE judged AS "
        "SELECT s.*, a.arm, m.user_id IS NOT NULL AS machine "
        "FROM seen s LEFT JOIN arms a USING (variation) LEFT JOIN machines m USING (user_id)"
    )
    excluded = connection.execute(_EXCLUDED).fetchone()
    assert excluded is not None
    names = ("two_variations", "unknown_variation", "machines")
    triggers = _triggers(connection, question)
    since = "triggered_ms" if triggered else "exposed_ms"
    connection.execute(
        f"{LISTENERS}, user_id, arm, {since} AS exposed_ms FROM judged "
        f"WHERE NOT twice AND arm IS NOT NULL AND NOT machine AND {since} IS NOT NULL"
    )
    arrivals = _arrivals(connection, until_ms)
    if triggered and len(arrivals):
        _check_triggers(triggers, question)
    if not len(arrivals):
        raise ExperimentError(
            f"nobody was exposed to experiment {question.key!r} in the time it is asked for"
            f"{' on a page that differs' if triggered else ''}; run `segue compact` first, and "
            "compare the key with those in the table exposures"
        )
    return Admission(arrivals, Excluded(**dict(zip(names, excluded, strict=True))), triggers)


def admit_active(
    connection: duckdb.DuckDBPyConnection, start_ms: int, until_ms: int, machines: pl.DataFrame
) -> Arrivals:
    """Take everybody who did anything in a period as if they had been exposed when they first did.

    Raises:
        ExperimentError: Nobody did anything.
    """
    connection.register("machines", machines.select("user_id").to_arrow())
    connection.execute(
        f"{LISTENERS}, user_id, 0 AS arm, exposed_ms FROM "  # noqa: S608
        '(SELECT user_id, min(epoch_ms("at")) AS exposed_ms FROM events '
        f'WHERE "at" >= to_timestamp({start_ms / 1000!r}) '
        f'AND "at" < to_timestamp({until_ms / 1000!r}) '
        "GROUP BY user_id) ANTI JOIN machines USING (user_id)"
    )
    arrivals = _arrivals(connection, until_ms)
    if not len(arrivals):
        raise ExperimentError(
            "nobody did anything in the past that is asked for; import events, run "
            "`segue compact`, or ask for a longer past"
        )
    return arrivals


def _arrivals(connection: duckdb.DuckDBPyConnection, until_ms: int) -> Arrivals:
    found = connection.execute(
        "SELECT user_id, arm::BIGINT AS arm, exposed_ms::BIGINT AS exposed_ms FROM listeners "
        "ORDER BY row"
    ).fetchnumpy()
    return Arrivals(
        user_ids=np.asarray(found["user_id"]).tolist(),
        arm=np.asarray(found["arm"], dtype=np.int64),
        exposed_ms=np.asarray(found["exposed_ms"], dtype=np.int64),
        until_ms=until_ms,
    )


def _triggers(connection: duckdb.DuckDBPyConnection, question: Question) -> list[Trigger]:
    names = tuple(Trigger.model_fields)
    rows = {row[0]: row for row in connection.execute(_TRIGGERS).fetchall()}
    return [
        Trigger(**dict(zip(names, rows.get(name, (name, 0, 0, 0, 0, 0)), strict=True)))
        for name in question.variations
    ]


def _check_triggers(triggers: list[Trigger], question: Question) -> None:
    """Refuse to compare chosen listeners of one variation with nobody of another."""
    missing = [one.variation for one in triggers if not one.listeners_differing]
    if missing:
        raise ExperimentError(
            f"no page of {', '.join(map(repr, missing))} of experiment {question.key!r} is known "
            "to differ, so triggered listeners have nobody to be compared with; compare pages in "
            "every variation, or analyse without --triggered"
        )
