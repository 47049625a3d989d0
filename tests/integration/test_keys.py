"""`segue keys` as people and programs call it, on both stores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from core.database import open_database
from core.keys import find_caller
from pipelines import cli

pytest_plugins = ["tests.support.postgres"]


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    structlog.reset_defaults()


def test_a_key_is_made_shown_once_listed_and_revoked(
    store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEGUE_STORE__URL", store_url)
    words = ["keys", "create", "--name", "radio", "--scope", "supply:read, supply:write", "--json"]
    assert cli.run(words) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["name"], made["scopes"]) == ("radio", ["supply:read", "supply:write"])
    database = open_database(store_url)
    try:
        caller = find_caller(database, made["key"])
        assert caller is not None
        assert caller.key_id == made["key_id"]
        assert cli.run(["keys", "list", "--json"]) == 0
        listed = capsys.readouterr().out
        assert json.loads(listed)["keys"][0] == {
            **{name: made[name] for name in ("key_id", "name", "scopes", "created_at")},
            "revoked_at": None,
        }
        assert made["key"] not in listed
        assert cli.run(["keys", "revoke", made["key_id"], "--json"]) == 0
        revoked = json.loads(capsys.readouterr().out)["keys"][0]["revoked_at"]
        assert revoked >= made["created_at"]
        assert find_caller(database, made["key"]) is None
    finally:
        database.close()


def test_people_see_the_key_and_that_it_is_not_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["keys", "list"]) == 0
    assert "`segue keys create` makes one" in capsys.readouterr().out
    assert cli.run(["keys", "create", "--name", "r", "--scope", "supply:read"]) == 0
    out = capsys.readouterr().out
    assert "segue_" in out
    assert "Keep it now" in out
    assert cli.run(["keys", "list"]) == 0
    assert "segue_" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["create", "--name", "r"], 2, "wrong"),
        (["create", "--name", "r", "--scope", "supply:all"], 2, "choose of supply:read"),
        (["revoke", "nothing"], 1, "segue keys list"),
    ],
)
def test_a_wrong_call_is_told(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["keys", *words, "--json"]) == code
    assert said in json.loads(capsys.readouterr().out)["error"]["message"]
