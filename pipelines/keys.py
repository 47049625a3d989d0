"""What `segue keys` tells, for tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterable

from core.keys import ApiKey, MintedKey
from pipelines.job import Report


class NewKey(Report):
    """A key that was just made."""

    key: str
    """What is sent with a request; this is the only time it is shown."""
    key_id: str
    name: str
    scopes: list[str]
    created_at: int

    @classmethod
    def of(cls, minted: MintedKey) -> NewKey:
        """Describe a new key."""
        known = minted.key
        return cls(
            key=minted.text,
            key_id=known.key_id,
            name=known.name,
            scopes=list(known.scopes),
            created_at=known.created_at,
        )


class KeyLine(Report):
    """A key in a list."""

    key_id: str
    name: str
    scopes: list[str]
    created_at: int
    revoked_at: int | None


class KeyList(Report):
    """Keys, the oldest first."""

    keys: list[KeyLine]

    @classmethod
    def of(cls, found: Iterable[ApiKey]) -> KeyList:
        """Describe keys."""
        return cls(
            keys=[
                KeyLine(
                    key_id=one.key_id,
                    name=one.name,
                    scopes=list(one.scopes),
                    created_at=one.created_at,
                    revoked_at=one.revoked_at,
                )
                for one in found
            ]
        )
