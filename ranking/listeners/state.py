"""What the store knows of a listener now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from core.schema import creator_blocks, follows, requests, tallies, users
from ranking.catalogue import Catalogue
from ranking.listeners.history import (
    HISTORY_LIMIT,
    SHOWN_PAGES,
    SHOWN_WINDOW_MS,
    History,
    opinions_of,
    ordered,
)
from ranking.model import AiPreference, Listener, Preferences, Rows

_T = tallies.c
_TALLY = sa.select(
    _T.track_id,
    _T.plays,
    _T.finishes,
    _T.skips,
    _T.liked,
    _T.disliked,
    _T.saved,
    _T.hidden,
    _T.last_at,
).where(_T.user_id == sa.bindparam("user"))
_LATEST = _TALLY.order_by(_T.last_at.desc(), _T.plays.desc(), _T.track_id).limit(HISTORY_LIMIT)
_TURNED_DOWN = _TALLY.where(sa.or_(_T.disliked, _T.hidden))
_FOLLOWED = sa.select(follows.c.creator_id).where(follows.c.user_id == sa.bindparam("user"))
_BLOCKED = sa.select(creator_blocks.c.creator_id).where(
    creator_blocks.c.user_id == sa.bindparam("user")
)
_WISHES = sa.select(users.c.ai_preference, users.c.allow_explicit, users.c.region).where(
    users.c.user_id == sa.bindparam("user")
)
_PAGES = (
    sa.select(requests.c.at, requests.c.slots)
    .where(
        requests.c.user_id == sa.bindparam("user"),
        requests.c.at < sa.bindparam("now"),
        requests.c.at >= sa.bindparam("since"),
    )
    .order_by(requests.c.at.desc())
    .limit(SHOWN_PAGES)
)


def load_listener(
    connection: sa.Connection, catalogue: Catalogue, user_id: str, now_ms: int
) -> Listener:
    """Read what is known of a listener; one who is not known is cold and has the default wishes.

    Args:
        connection: A read transaction.
        catalogue: Whose rows the columns mean; tracks it lacks are left out.
        user_id: Who.
        now_ms: The moment of the request; pages served before it count as shown.
    """
    who = {"user": user_id}
    history = _history(_tallies(connection, who), catalogue)
    shown_rows, shown_at_ms = _shown(connection, catalogue, user_id, now_ms)
    return Listener(
        user_id=user_id,
        rows=history.rows,
        plays=history.plays,
        finishes=history.finishes,
        skips=history.skips,
        opinions=history.opinions,
        last_at_ms=history.last_at_ms,
        followed=_creator_rows(connection.execute(_FOLLOWED, who).scalars(), catalogue),
        preferences=_preferences(connection, who, catalogue),
        shown_rows=shown_rows,
        shown_at_ms=shown_at_ms,
    )


def _tallies(connection: sa.Connection, who: dict[str, str]) -> Sequence[Sequence[Any]]:
    latest = connection.execute(_LATEST, who).all()
    if len(latest) < HISTORY_LIMIT:
        return latest
    known = {row[0] for row in latest}
    turned_down = connection.execute(_TURNED_DOWN, who).all()
    return [*latest, *(row for row in turned_down if row[0] not in known)]


def _history(found: Sequence[Sequence[Any]], catalogue: Catalogue) -> History:
    columns = list(zip(*found, strict=True)) or [()] * 9
    rows = catalogue.tracks.rows(columns[0])
    known = rows >= 0
    plays, finishes, skips = (_column(columns[at], np.float64)[known] for at in (1, 2, 3))
    liked, disliked, saved, hidden = (_column(columns[at], np.bool_)[known] for at in (4, 5, 6, 7))
    opinions = opinions_of(liked, disliked, saved, hidden)
    last_at_ms = _column(columns[8], np.int64)[known]
    return ordered(rows[known], plays, finishes, skips, opinions, last_at_ms)


def _column(values: Sequence[Any], dtype: type[np.generic]) -> NDArray[Any]:
    return np.array(values, dtype=dtype)


def _preferences(
    connection: sa.Connection, who: dict[str, str], catalogue: Catalogue
) -> Preferences:
    blocked = _creator_rows(connection.execute(_BLOCKED, who).scalars(), catalogue)
    row = connection.execute(_WISHES, who).first()
    if row is None:
        return Preferences(blocked_creators=blocked)
    return Preferences(
        ai=AiPreference(row.ai_preference),
        explicit=bool(row.allow_explicit),
        region=row.region or "",
        blocked_creators=blocked,
    )


def _creator_rows(creator_ids: Iterable[str], catalogue: Catalogue) -> Rows:
    return np.sort(catalogue.creators.known_rows(creator_ids))


def _shown(
    connection: sa.Connection, catalogue: Catalogue, user_id: str, now_ms: int
) -> tuple[Rows, NDArray[np.int64]]:
    """Return the slots of recent pages, the last slot of the last page first."""
    window = {"user": user_id, "now": now_ms, "since": now_ms - SHOWN_WINDOW_MS}
    slots = [
        (slot["track_id"], at_ms)
        for at_ms, page in connection.execute(_PAGES, window)
        for slot in reversed(page)
    ]
    rows = catalogue.tracks.rows(track_id for track_id, _ in slots)
    at_ms = np.fromiter((at for _, at in slots), dtype=np.int64, count=len(slots))
    known = rows >= 0
    return rows[known], at_ms[known]
