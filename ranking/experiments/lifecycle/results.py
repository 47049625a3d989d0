"""Results of experiments, as the newest analysis of each left them for whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from core.database import upsert
from core.schema import experiment_results
from ranking.experiments.lifecycle.stored import show_experiment


class Results(NamedTuple):
    """What an analysis said.

    Args:
        key: Of which experiment.
        analysed_at: When, UTC milliseconds.
        document: The whole report, JSON.
    """

    key: str
    analysed_at: int
    document: dict[str, Any]


def keep_results(
    connection: sa.Connection, key: str, document: Mapping[str, Any], now_ms: int
) -> None:
    """Keep what an analysis said in place of what the one before did.

    Args:
        connection: A write transaction.
        key: The experiment.
        document: The report, JSON.
        now_ms: The moment of the analysis.
    """
    row = {"key": key, "analysed_at": now_ms, "document": dict(document)}
    upsert(connection, experiment_results, [row], ["analysed_at", "document"])


def read_results(connection: sa.Connection, key: str) -> Results | None:
    """Return what the newest analysis of an experiment said, None before the first.

    Raises:
        UnknownIdError: If there is no such experiment.
    """
    show_experiment(connection, key)
    query = sa.select(experiment_results).where(experiment_results.c.key == key)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Results(**row)
