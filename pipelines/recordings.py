"""The catalogue's tracks that can be heard."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from core.schema import tracks, verdicts
from core.workspace import Workspace


class Recording(NamedTuple):
    """A track that can be heard.

    Attributes:
        track_id: Whose.
        path: The file.
        tags: What the catalogue says of it.
    """

    track_id: str
    path: Path
    tags: tuple[str, ...]


def recordings(workspace: Workspace) -> list[Recording]:
    """Return the catalogue's tracks that have audio, by id.

    What waits for the gate, or was turned away there, is no part of the catalogue.
    """
    query = sa.select(tracks.c.track_id, tracks.c.audio_path, tracks.c.tags)
    rejected = sa.select(verdicts.c.track_id).where(
        ~sa.func.coalesce(verdicts.c.overruled_passed, verdicts.c.passed)
    )
    query = query.where(
        tracks.c.audio_path.is_not(None),
        sa.or_(tracks.c.status != "pending", tracks.c.generator.is_(None)),
        tracks.c.track_id.not_in(rejected),
    ).order_by(tracks.c.track_id)
    with workspace.database.read() as connection:
        return [
            Recording(row.track_id, workspace.audio / row.audio_path, tuple(row.tags))
            for row in connection.execute(query)
        ]
