"""What listeners asked for, as it is kept in the store."""

from __future__ import annotations

import sqlalchemy as sa

from core.database import upsert
from core.schema import creator_blocks, users
from service.schemas import PreferencesAnswer, PreferencesBody


def read_preferences(connection: sa.Connection, user_id: str) -> PreferencesAnswer:
    """Return what a listener asked for; the defaults where they never did."""
    found = connection.execute(sa.select(users).where(users.c.user_id == user_id)).first()
    query = sa.select(creator_blocks.c.creator_id).where(creator_blocks.c.user_id == user_id)
    blocked = list(connection.execute(query).scalars())
    if found is None:
        return PreferencesAnswer(user_id=user_id, blocked_creators=blocked)
    return PreferencesAnswer(
        user_id=user_id,
        ai=found.ai_preference,
        explicit=found.allow_explicit,
        region=found.region or "",
        blocked_creators=blocked,
    )


def replace_preferences(
    connection: sa.Connection, user_id: str, wanted: PreferencesBody, now_ms: int
) -> None:
    """Put what a listener asks for in the place of all they asked for before.

    Args:
        connection: A write transaction.
        user_id: Who.
        wanted: What they ask for.
        now_ms: The moment, UTC milliseconds.
    """
    row = {
        "user_id": user_id,
        "ai_preference": wanted.ai.value,
        "allow_explicit": wanted.explicit,
        "region": wanted.region or None,
        "updated_at": now_ms,
    }
    upsert(connection, users, [row], [name for name in row if name != "user_id"])
    of_user = creator_blocks.c.user_id == user_id
    gone = creator_blocks.c.creator_id.not_in(wanted.blocked_creators)
    connection.execute(sa.delete(creator_blocks).where(of_user, gone))
    blocks = [
        {"user_id": user_id, "creator_id": creator_id, "at": now_ms}
        for creator_id in wanted.blocked_creators
    ]
    upsert(connection, creator_blocks, blocks)  # a block that stands keeps its time
