"""The catalogue's tracks that can be heard."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from core.schema import tracks
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
    """Return the catalogue's tracks that have audio, by id."""
    query = sa.select(tracks.c.track_id, tracks.c.audio_path, tracks.c.tags)
    query = query.where(tracks.c.audio_path.is_not(None)).order_by(tracks.c.track_id)
    with workspace.database.read() as connection:
        return [
            Recording(row.track_id, workspace.audio / row.audio_path, tuple(row.tags))
            for row in connection.execute(query)
        ]
