"""API keys: who may call over HTTP, and what for; the store keeps a digest, never the secret.

A key reads `segue_<id>_<secret>`. Its id finds the row and is no secret; the secret is 256 random
bits, which nobody guesses, so that one SHA-256 keeps it as well as a slow hash would.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from core.database import Database, lock_until_commit
from core.errors import ConfigError, ConflictError, UnknownIdError
from core.schema import api_keys

SCOPES: Mapping[str, str] = {
    "supply:read": "see gaps, briefs, orders, verdicts, trials, switches and the budget",
    "supply:write": "add, edit and decide briefs, overrule verdicts, stop and resume orders",
    "experiments:read": "see experiments, their history and what client SDKs are told",
    "experiments:write": "create, edit, widen, start, stop and archive experiments",
}
"""What a key may be for. A scope says one thing: writing does not include reading."""
ID_BYTES = 6
SECRET_BYTES = 32
LOCK = "api keys"
_KEY = re.compile(r"segue_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")  # the bytes above as hex and base64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
_NO_DIGEST = "0" * 64  # compared with where there is no key, so that both answers take as long


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is known to everyone but its owner.

    Args:
        key_id: Its id.
        name: Who calls with it; stands beside what was decided.
        scopes: What it is for, in order of name.
        created_at: UTC milliseconds.
        revoked_at: UTC milliseconds; None while it may be used.
    """

    key_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key with what only its owner will know.

    Args:
        key: The key as it is kept.
        text: What is sent with a request; it cannot be read from the store again.
    """

    key: ApiKey
    text: str = field(repr=False)


def create_key(database: Database, name: str, scopes: Sequence[str], now_ms: int) -> MintedKey:
    """Make a key.

    Args:
        database: The store.
        name: Who calls with it; no two keys in use bear the same.
        scopes: What it is for, of `SCOPES`.
        now_ms: UTC milliseconds.

    Raises:
        ConfigError: If the name or a scope cannot be used.
        ConflictError: If a key in use has this name.
    """
    _check(name, scopes)
    key_id = secrets.token_hex(ID_BYTES)
    text = f"segue_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    row = {
        "key_id": key_id, "name": name, "sha256": _digest(text), "scopes": sorted(set(scopes)),
        "created_at": now_ms,
    }  # fmt: skip
    with database.write() as connection:
        lock_until_commit(connection, LOCK)
        in_use = sa.select(api_keys.c.key_id).where(
            api_keys.c.name == name, api_keys.c.revoked_at.is_(None)
        )
        if (taken := connection.execute(in_use).scalar()) is not None:
            raise ConflictError(
                f"key {taken} is called {name!r} and in use; choose another name, or revoke it "
                f"first with `segue keys revoke {taken}`"
            )
        connection.execute(sa.insert(api_keys).values(row))
        return MintedKey(_read(connection, key_id), text)


def list_keys(database: Database) -> tuple[ApiKey, ...]:
    """Return every key, the oldest first, revoked ones too: their names stand in the store."""
    query = sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id)
    with database.read() as connection:
        return tuple(map(_key, connection.execute(query)))


def revoke_key(database: Database, key_id: str, now_ms: int) -> ApiKey:
    """End a key from the next request on; one that is revoked keeps its time.

    Raises:
        UnknownIdError: If there is none of that id.
    """
    in_use = sa.and_(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
    with database.write() as connection:
        connection.execute(sa.update(api_keys).where(in_use).values(revoked_at=now_ms))
        return _read(connection, key_id)


def find_caller(database: Database, text: str) -> ApiKey | None:
    """Return the key in use that a text is, or None.

    Args:
        database: The store.
        text: What the caller sent, whatever it is.
    """
    form = _KEY.fullmatch(text)
    if form is None:
        return None
    with database.read() as connection:
        query = sa.select(api_keys).where(api_keys.c.key_id == form[1])
        row = connection.execute(query).first()
    kept = _NO_DIGEST if row is None else row.sha256
    is_right = hmac.compare_digest(_digest(text), kept)
    if row is None or not is_right or row.revoked_at is not None:
        return None
    return _key(row)


def _check(name: str, scopes: Sequence[str]) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"the name {name!r} cannot be used; give 1 to 64 letters, digits, blanks or . _ @ -, "
            "beginning with a letter or digit"
        )
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        said = f"scope {unknown[0]!r} is unknown" if unknown else f"key {name!r} is for nothing"
        raise ConfigError(f"{said}; choose of {', '.join(SCOPES)}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(connection: sa.Connection, key_id: str) -> ApiKey:
    row = connection.execute(sa.select(api_keys).where(api_keys.c.key_id == key_id)).first()
    if row is None:
        raise UnknownIdError(f"there is no key {key_id}; `segue keys list` shows their ids")
    return _key(row)


def _key(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(row.key_id, row.name, tuple(row.scopes), row.created_at, row.revoked_at)
