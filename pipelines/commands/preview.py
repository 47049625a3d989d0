"""One listener's page as the service would serve it, with its reasons."""

from __future__ import annotations

import sqlalchemy as sa

from core.errors import DataError
from core.randomness import derive_seed
from core.schema import tallies, tracks
from core.workspace import Workspace
from pipelines.job import Report
from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Catalogue, Origin
from ranking.listeners.state import load_listener
from ranking.loading import load_catalogue, load_learned, load_ranker
from ranking.model import Feed, FeedQuery, Listener

TASTE_TRACKS = 5


class Slot(Report):
    """One slot of the page."""

    position: int
    title: str
    artist: str
    origin: str
    source: str
    reason: str


class FeedPreview(Report):
    """A listener's latest tracks and their page."""

    user_id: str
    at: int
    """The moment of the page, UTC milliseconds."""
    latest: tuple[str, ...]
    """Titles of the tracks they met last."""
    degraded: bool
    slots: tuple[Slot, ...]


def preview_feed(
    workspace: Workspace, config: FeedConfig, *, now_ms: int, user_id: str = ""
) -> FeedPreview:
    """Serve one page from what is live.

    Args:
        workspace: The data folder.
        config: The feed.
        now_ms: The moment of the request.
        user_id: Whose page; "" takes the listener in the middle by how many tracks they met.

    Raises:
        DataError: If nobody has listened yet.
    """
    live = workspace.artifacts.live()
    versions = live.versions if live else {}
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
        user_id = user_id or _middle_listener(connection)
        listener = load_listener(connection, catalogue, user_id, now_ms)
    learned = load_learned(workspace.artifacts, versions, catalogue)
    engine = assemble(catalogue, learned, load_ranker(workspace.artifacts, versions), config)
    page = engine.serve(FeedQuery(listener, config.size, now_ms, derive_seed(0, user_id)))
    with workspace.database.read() as connection:
        names = _names(connection, catalogue, page.feed, listener)
    return FeedPreview(
        user_id=user_id,
        at=now_ms,
        latest=tuple(names[row][0] for row in listener.rows[:TASTE_TRACKS].tolist()),
        degraded=page.trace.degraded,
        slots=_slots(catalogue, page.feed, names),
    )


def latest_moment(workspace: Workspace) -> int:
    """Return the moment after the last thing any listener did, epoch milliseconds."""
    with workspace.database.read() as connection:
        last = connection.execute(sa.select(sa.func.max(tallies.c.last_at))).scalar_one()
    return (last or 0) + 1


def _middle_listener(connection: sa.Connection) -> str:
    met = sa.func.count().label("met")
    query = sa.select(tallies.c.user_id).group_by(tallies.c.user_id)
    user_ids = connection.execute(query.order_by(met, tallies.c.user_id)).scalars().all()
    if not user_ids:
        raise DataError("nobody has listened yet; import events or create a world first")
    return str(user_ids[len(user_ids) // 2])


def _names(
    connection: sa.Connection, catalogue: Catalogue, feed: Feed, listener: Listener
) -> dict[int, tuple[str, str]]:
    """Return row → (title, artist) of everything the page and its reasons name."""
    seeds = [reason.partition(":")[2] for reason in feed.reasons]
    wanted = {*feed.rows.tolist(), *listener.rows[:TASTE_TRACKS].tolist()}
    track_ids = {*catalogue.tracks.take(sorted(wanted)), *filter(None, seeds)}
    columns = sa.select(tracks.c.track_id, tracks.c.title, tracks.c.artist)
    rows = connection.execute(columns.where(tracks.c.track_id.in_(track_ids)))
    return {
        catalogue.tracks.row(row.track_id): (row.title or row.track_id, row.artist or "")
        for row in rows
    }


def _slots(catalogue: Catalogue, feed: Feed, names: dict[int, tuple[str, str]]) -> tuple[Slot, ...]:
    return tuple(
        Slot(
            position=position,
            title=names[row][0],
            artist=names[row][1],
            origin=Origin(int(catalogue.origins[row])).name.lower(),
            source=feed.sources[position],
            reason=_in_words(feed.reasons[position], catalogue, names),
        )
        for position, row in enumerate(feed.rows.tolist())
    )


def _in_words(reason: str, catalogue: Catalogue, names: dict[int, tuple[str, str]]) -> str:
    """Spell out a reason's code; the track it names goes by its title."""
    code, _, track_id = reason.partition(":")
    words = code.replace("_", " ")
    seed = names.get(catalogue.tracks.row(track_id)) if track_id else None
    return f"{words}: {seed[0]}" if seed else words
