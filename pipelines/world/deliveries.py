"""Deliveries: how the world's listeners can tell what delivered tracks sound like."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import sqlalchemy as sa

from core.errors import DataError
from core.randomness import generator
from core.schema import tracks
from core.workspace import Workspace
from pipelines.music.attributes import TrackAttributes
from pipelines.world.archive import Truth
from pipelines.world.traits import attributes_frame


def with_deliveries(workspace: Workspace, truth: Truth) -> Truth:
    """Return the truth with the tracks that say, in their metadata, how they were composed.

    Their quality is drawn like that of the world's own tracks, once and for all by their id; the
    charts of day 0 know none of them.

    Args:
        workspace: Whose tracks.
        truth: What the world knows of its own tracks.
    """
    seed = truth.charter.config.seed
    own = set(truth.tracks["track_id"])
    composed = {
        track_id: found
        for track_id, text in _metadata(workspace)
        if track_id not in own and (found := _attributes(text)) is not None
    }
    if not composed:
        return truth
    ids = list(composed)
    known = pl.DataFrame(
        {
            "track_id": ids,
            "quality": [generator(seed, "quality", name).standard_normal() for name in ids],
            "fame": [0.0] * len(ids),
            "remix": [""] * len(ids),
        }
    )
    fresh = known.hstack(attributes_frame(list(composed.values())))
    fresh = fresh.select(truth.tracks.columns).cast(truth.tracks.schema)
    return replace(truth, tracks=pl.concat([truth.tracks, fresh]))


def _metadata(workspace: Workspace) -> list[tuple[str, str]]:
    query = sa.select(tracks.c.track_id, tracks.c.metadata_json).order_by(tracks.c.track_id)
    query = query.where(tracks.c.origin == "generated", tracks.c.metadata_json.is_not(None))
    with workspace.database.read() as connection:
        return [(row[0], row[1]) for row in connection.execute(query)]


def _attributes(text: str) -> TrackAttributes | None:
    """Return how a track was composed, where its metadata says so."""
    try:
        return TrackAttributes(**json.loads(text)["attributes"])
    except (KeyError, TypeError, ValueError, DataError):
        return None  # another's metadata: the listeners know nothing of how it sounds
