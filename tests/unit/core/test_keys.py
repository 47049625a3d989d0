from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from core import keys as module
from core.database import Database, open_database
from core.errors import ConfigError, ConflictError, UnknownIdError
from core.keys import create_key, find_caller, list_keys, revoke_key
from core.schema import api_keys

READ = ("supply:read",)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'segue.db'}")
    yield database
    database.close()


def _rows(store: Database) -> list[sa.Row]:
    with store.read() as connection:
        return list(connection.execute(sa.select(api_keys)))


def test_a_key_finds_its_owner(store: Database) -> None:
    minted = create_key(store, "radio", ("supply:write", "supply:read", "supply:read"), 5)
    found = find_caller(store, minted.text)
    assert found == minted.key
    assert (found.name, found.scopes, found.created_at, found.revoked_at) == (
        "radio",
        ("supply:read", "supply:write"),
        5,
        None,
    )


def test_the_store_holds_a_digest_and_no_secret(store: Database, tmp_path: Path) -> None:
    minted = create_key(store, "radio", READ, 5)
    (row,) = _rows(store)
    assert row.sha256 == hashlib.sha256(minted.text.encode()).hexdigest()
    secret = minted.text.split("_", 2)[2]
    assert len(secret) == 43  # 256 bits in base64
    assert not any(secret.encode() in path.read_bytes() for path in tmp_path.iterdir())
    assert secret not in repr(minted)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text + "\n",
        lambda text: text.upper(),
        lambda text: text.removeprefix("segue_"),
        lambda text: text[:18],
        lambda text: "segue_" + "0" * 12 + text[18:],  # another id with the same secret
        lambda text: "",
        lambda text: "\x00é" + text,
    ],
)
def test_anything_else_finds_nobody(store: Database, change: object) -> None:
    text = create_key(store, "radio", READ, 5).text
    assert find_caller(store, change(text)) is None


def test_the_secret_of_another_key_does_not_open_this_one(store: Database) -> None:
    one, two = (create_key(store, name, READ, 5).text for name in ("one", "two"))
    assert find_caller(store, one[:19] + two[19:]) is None


def test_digests_are_compared_in_constant_time_even_for_nobody(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, compared = create_key(store, "radio", READ, 5).text, []
    plain = module.hmac.compare_digest
    monkeypatch.setattr(
        module.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or plain(a, b)
    )
    find_caller(store, text)
    find_caller(store, "segue_" + "0" * 12 + text[18:])
    assert [len(a) == len(b) == 64 for a, b in compared] == [True, True]


def test_a_revoked_key_finds_nobody_and_keeps_its_time(store: Database) -> None:
    minted = create_key(store, "radio", READ, 5)
    assert revoke_key(store, minted.key.key_id, 7).revoked_at == 7
    assert revoke_key(store, minted.key.key_id, 9).revoked_at == 7
    assert find_caller(store, minted.text) is None
    with pytest.raises(UnknownIdError, match=r"no key nothing; `segue keys list`"):
        revoke_key(store, "nothing", 9)


def test_a_name_is_one_keys_while_it_is_in_use(store: Database) -> None:
    first = create_key(store, "radio", READ, 5).key
    with pytest.raises(ConflictError, match=rf"revoke {first.key_id}"):
        create_key(store, "radio", READ, 6)
    revoke_key(store, first.key_id, 7)
    second = create_key(store, "radio", READ, 8).key
    assert [one.key_id for one in list_keys(store)] == [first.key_id, second.key_id]


def test_of_keys_of_one_name_made_at_once_one_is_made(store: Database) -> None:
    refused = []

    def make() -> None:
        try:
            create_key(store, "radio", READ, 5)
        except ConflictError:
            refused.append(1)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), len(_rows(store))) == (5, 1)


@pytest.mark.parametrize("name", ["", " ", "-x", "a" * 65, "a\nb", "a\x00", "é"])
def test_a_name_that_cannot_be_read_aloud_is_refused(store: Database, name: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(repr(name))):
        create_key(store, name, READ, 5)


@pytest.mark.parametrize(
    ("scopes", "said"), [((), "is for nothing"), (("supply",), "'supply' is unknown; choose of")]
)
def test_a_scope_that_is_none_is_refused(
    store: Database, scopes: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        create_key(store, "radio", scopes, 5)
    assert _rows(store) == []
