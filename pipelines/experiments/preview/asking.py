"""The requests of a preview: the latest page of many listeners, asked for once more."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from core.errors import DataError
from core.schema import requests
from core.workspace import Workspace
from ranking.catalogue import Catalogue
from ranking.listeners.state import load_listener
from ranking.model import FeedQuery


def recent_queries(
    workspace: Workspace,
    catalogue: Catalogue,
    wanted: int,
    now_ms: int,
    rng: np.random.Generator,
) -> list[FeedQuery]:
    """Return requests like those of late, one a listener, with what is known of them now.

    Args:
        workspace: Whose log of pages.
        catalogue: The tracks.
        wanted: How many, drawn from all listeners whose pages are in the log.
        now_ms: The moment that they ask anew.
        rng: Draws them.

    Raises:
        DataError: If no page was logged.
    """
    newest = sa.select(requests.c.user_id, sa.func.max(requests.c.at).label("at"))
    newest_of = newest.group_by(requests.c.user_id).subquery()
    query = (
        sa.select(requests.c.user_id, requests.c.surface, requests.c.seed, requests.c.slots)
        .join(
            newest_of,
            (requests.c.user_id == newest_of.c.user_id) & (requests.c.at == newest_of.c.at),
        )
        .order_by(requests.c.user_id, requests.c.request_id)
    )
    with workspace.database.read() as connection:
        users = list(connection.execute(sa.select(newest_of.c.user_id)).scalars())
        if not users:
            raise DataError("no page was logged yet; serve some, or `segue world play`, first")
        chosen = {users[at] for at in rng.permutation(len(users))[:wanted]}
        found: dict[str, FeedQuery] = {}
        for row in connection.execute(query):
            if row.user_id in chosen and row.user_id not in found and row.slots:
                found[row.user_id] = FeedQuery(
                    listener=load_listener(connection, catalogue, row.user_id, now_ms),
                    size=len(row.slots),
                    now_ms=now_ms,
                    seed=row.seed,
                    surface=row.surface,
                )
    return [found[user] for user in sorted(found)]
