"""What is shown of tracks, read from the store at the moment it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote

import sqlalchemy as sa

from core.schema import tracks

SHOWN = frozenset({"trial", "active", "retired"})
"""Statuses of tracks that exist for listeners; a retired one is no longer offered."""
OFFERED = frozenset({"trial", "active"})
"""Statuses of tracks that a feed may offer."""
TRACK_ROUTE = "/v1/tracks"

_CARD_COLUMNS = (
    tracks.c.track_id,
    tracks.c.title,
    tracks.c.artist,
    tracks.c.creator_id,
    tracks.c.origin,
    tracks.c.status,
    tracks.c.duration_ms,
    tracks.c.audio_path,
)


class Card(NamedTuple):
    """A track as it stands in the store now.

    Args:
        track_id: Which.
        title: Its name, where it has one.
        artist: The name of who made it.
        creator_id: Who made it.
        origin: `human`, `generated` or `assisted`.
        status: Where it stands in its life.
        duration_ms: Its length.
        audio_path: Its recording below the audio root.
    """

    track_id: str
    title: str | None
    artist: str | None
    creator_id: str | None
    origin: str
    status: str
    duration_ms: int | None
    audio_path: str | None

    @property
    def is_offered(self) -> bool:
        """Whether a feed may still offer it."""
        return self.status in OFFERED

    def face(self) -> dict[str, Any]:
        """Return what every list shows of it."""
        return {
            "track_id": self.track_id,
            "title": self.title,
            "artist": self.artist,
            "creator_id": self.creator_id,
            "origin": self.origin,
            "duration_ms": self.duration_ms,
            "stream_url": stream_url(self.track_id) if self.audio_path else None,
        }


def stream_url(track_id: str) -> str:
    """Return the path of a recording on this service.

    Examples:
        >>> stream_url("a/b")
        '/v1/tracks/a%2Fb/audio'
    """
    return f"{TRACK_ROUTE}/{quote(track_id, safe='')}/audio"


def read_cards(connection: sa.Connection, track_ids: Iterable[str]) -> dict[str, Card]:
    """Return the cards of tracks that stand in the store, by id.

    Args:
        connection: A read transaction.
        track_ids: A page's worth of ids; at most a few hundred.
    """
    query = sa.select(*_CARD_COLUMNS).where(tracks.c.track_id.in_(set(track_ids)))
    return {row[0]: Card._make(row) for row in connection.execute(query)}


def read_track(connection: sa.Connection, track_id: str) -> dict[str, Any] | None:
    """Return a track's whole row, or None where it does not exist for listeners."""
    query = sa.select(tracks).where(tracks.c.track_id == track_id)
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None and row["status"] in SHOWN else None
