"""What tracks earned so far: from ended trials, or from everything that was shown."""

from __future__ import annotations

import numpy as np
import polars as pl
import sqlalchemy as sa

from core.schema import tracks, trials
from core.tables import EVENTS, IMPRESSIONS
from core.workspace import Workspace
from pipelines.ranker_training.shown_rates import SLOT
from pipelines.supply.gate.appeal import Earned
from pipelines.supply.gate.configuration import AppealConfig


def earned_so_far(workspace: Workspace, config: AppealConfig) -> Earned:
    """Return impressions and finishes of tracks, by id.

    Trials show a track to listeners that it was made for, at known odds; a feed shows it to whom
    the ranker chose. So trials alone are learned from as soon as there are enough.

    Args:
        workspace: Whose.
        config: How many trials are enough.
    """
    tried = _tried(workspace)
    if np.count_nonzero(tried.impressions >= config.min_impressions) >= config.min_trials:
        return tried
    shown = _shown(workspace)
    known = set(shown.track_ids)
    fresh = np.array([track_id not in known for track_id in tried.track_ids], dtype=bool)
    added = tried.taken(fresh)
    return Earned(
        shown.track_ids + added.track_ids,
        np.concatenate([shown.impressions, added.impressions]),
        np.concatenate([shown.finishes, added.finishes]),
    )


def _tried(workspace: Workspace) -> Earned:
    columns = (trials.c.track_id, trials.c.impressions, trials.c.finishes)
    query = sa.select(*columns).where(trials.c.decided_at.is_not(None)).order_by(columns[0])
    with workspace.database.read() as connection:
        rows = connection.execute(query).all()
    return Earned(
        tuple(row.track_id for row in rows),
        np.array([row.impressions for row in rows], dtype=np.int64),
        np.array([row.finishes for row in rows], dtype=np.int64),
    )


def _shown(workspace: Workspace) -> Earned:
    """Count the slots of active tracks, and those that were followed by a finish."""
    query = sa.select(tracks.c.track_id).where(tracks.c.status == "active")
    with workspace.database.read() as connection:
        active = list(connection.execute(query).scalars())
    slots = workspace.warehouse.scan(IMPRESSIONS).select(SLOT).unique()
    ends = workspace.warehouse.scan(EVENTS).filter(pl.col("action") == "finish")
    ends = ends.select(SLOT).drop_nulls().unique().with_columns(finished=True)
    counted = (
        slots.join(ends, on=SLOT, how="left")
        .group_by("track_id")
        .agg(impressions=pl.len(), finishes=pl.col("finished").sum())
        .filter(pl.col("track_id").is_in(active))
        .sort("track_id")
        .collect()
    )
    return Earned(
        tuple(counted["track_id"].to_list()),
        counted["impressions"].cast(pl.Int64).to_numpy(),
        counted["finishes"].cast(pl.Int64).to_numpy(),
    )
