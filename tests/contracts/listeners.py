"""The listeners and requests that every contract is tried with."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from ranking.model import AiPreference, FeedQuery, Listener, Preferences
from tests.support.worlds import NOW_MS, TinyWorld, listener_of, query_of


def requests_of(world: TinyWorld) -> dict[str, FeedQuery]:
    """Return one request of each kind of listener."""
    warm = listener_of(world, 1, n_plays=8)
    turned_down = replace(warm, opinions=np.full(warm.rows.size, -1, dtype=np.int8))
    timeless = replace(warm, last_at_ms=np.zeros_like(warm.last_at_ms))
    creators = np.unique(world.catalogue.creator_rows)
    follower = replace(warm, followed=creators[creators >= 0])
    strict = replace(
        warm,
        preferences=Preferences(
            ai=AiPreference.NONE, explicit=False, blocked_creators=follower.followed[:2]
        ),
    )
    shown = replace(
        follower,
        shown_rows=world.rows_of(1)[::-1],
        shown_at_ms=np.full(world.rows_of(1).size, NOW_MS - 1000),
    )
    return {
        "cold": query_of(Listener("cold")),
        "warm": query_of(warm),
        "turned_down": query_of(turned_down),
        "timeless": query_of(timeless),
        "follower": query_of(follower, size=30),
        "strict": query_of(strict, surface="discovery"),
        "shown": query_of(shown, exclude=world.rows_of(2)[:5]),
    }


def snapshot(value: object) -> list[bytes]:
    """Return the bytes of every array of a frozen value, to see whether it was changed."""
    found = []
    for field in fields(value):  # type: ignore[arg-type]
        content = getattr(value, field.name)
        if isinstance(content, np.ndarray):
            found.append(content.tobytes())
        elif hasattr(content, "__dataclass_fields__"):
            found += snapshot(content)
    return found
