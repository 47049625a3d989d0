"""Drafts: the tracks that wait for a verdict, in the order in which they were delivered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core.schema import deliveries, tracks, verdicts
from pipelines.supply.gate.rendition import FOLDER, ORIGINAL

NOBODY = "unknown"
"""Generator of a track that does not say what made it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A track that is to be judged.

    Attributes:
        track_id: Which.
        original: Its recording as it was delivered, relative to the audio root.
        generator: What made it.
        brief_id: What it was made for, or None.
        language: Of its words, or None.
        tags: What its maker says of it.
    """

    track_id: str
    original: str
    generator: str
    brief_id: str | None
    language: str | None
    tags: tuple[str, ...]


def waiting_drafts(connection: sa.Connection, *, again: bool) -> list[Draft]:
    """Return the tracks that are to be judged, first delivered first.

    Args:
        connection: A read transaction.
        again: Also those that were judged before, but neither by a person nor by listeners.
    """
    judged = verdicts.c.track_id.is_not(None)
    fresh = sa.and_(tracks.c.status == "pending", ~judged)
    if again:
        by_gate = sa.or_(
            tracks.c.status.in_(("pending", "trial")),
            sa.and_(tracks.c.status == "retired", ~verdicts.c.passed),
        )
        fresh = sa.or_(fresh, sa.and_(judged, verdicts.c.overruled_by.is_(None), by_gate))
    return _drafts(connection, fresh)


def unserved_drafts(connection: sa.Connection) -> list[Draft]:
    """Return the tracks that a person let pass and that have no rendition yet."""
    let = sa.and_(verdicts.c.overruled_passed, tracks.c.status == "trial")
    return _drafts(connection, sa.and_(let, ~tracks.c.audio_path.startswith(f"{FOLDER}/")))


def _drafts(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> list[Draft]:
    joined = tracks.outerjoin(verdicts, verdicts.c.track_id == tracks.c.track_id)
    joined = joined.outerjoin(deliveries, deliveries.c.track_id == tracks.c.track_id)
    columns = (
        tracks.c.track_id, tracks.c.audio_path, tracks.c.metadata_json, tracks.c.generator,
        tracks.c.brief_id, tracks.c.language, tracks.c.tags,
    )  # fmt: skip
    query = sa.select(*columns).select_from(joined)
    query = query.where(chosen, tracks.c.audio_path.is_not(None))
    at = sa.func.coalesce(deliveries.c.received_at, tracks.c.updated_at)
    return [_draft(row) for row in connection.execute(query.order_by(at, tracks.c.track_id))]


def _draft(row: Any) -> Draft:
    told = json.loads(row.metadata_json) if row.metadata_json else {}
    return Draft(
        track_id=row.track_id,
        original=told.get(ORIGINAL, row.audio_path),
        generator=row.generator or NOBODY,
        brief_id=row.brief_id,
        language=row.language,
        tags=tuple(row.tags or ()),
    )
