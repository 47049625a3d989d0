"""The store keeps its promises on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from core import database as module
from core.database import Database, open_database, upsert
from core.errors import ConfigError, StoreUnavailableError
from core.schema import (
    events,
    experiment_changes,
    experiments,
    fingerprints,
    follows,
    metadata,
    near_duplicates,
    requests,
    tallies,
    tracks,
    users,
)

pytest_plugins = ["tests.support.postgres"]


@pytest.fixture
def store(store_url: str) -> Iterator[Database]:
    database = open_database(store_url)
    yield database
    database.close()


def _users(database: Database) -> dict[str, str]:
    with database.read() as connection:
        rows = connection.execute(sa.select(users.c.user_id, users.c.ai_preference)).all()
    return {row.user_id: row.ai_preference for row in rows}


def _add_user(database: Database, user_id: str, ai: str = "all") -> None:
    row = {"user_id": user_id, "ai_preference": ai, "updated_at": 1}
    with database.write() as connection:
        upsert(connection, users, [row], update=["ai_preference"])


def test_a_new_store_has_every_table(store: Database) -> None:
    with store.read() as connection:
        names = set(sa.inspect(connection).get_table_names())
    assert names == set(metadata.tables)


def test_opening_twice_keeps_what_is_there(store: Database, store_url: str) -> None:
    _add_user(store, "ada")
    again = open_database(store_url)
    assert _users(again) == {"ada": "all"}
    again.close()


def test_many_programs_may_open_a_new_store_at_once(store_url: str) -> None:
    barrier, failures = threading.Barrier(4), []

    def start() -> None:
        barrier.wait()
        try:
            open_database(store_url).close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_upsert_without_update_leaves_the_row_that_stands(store: Database) -> None:
    row = {"user_id": "ada", "creator_id": "c1", "at": 1}
    with store.write() as connection:
        upsert(connection, follows, [row])
        upsert(connection, follows, [{**row, "at": 9}, {**row, "creator_id": "c2"}])
    with store.read() as connection:
        found = connection.execute(sa.select(follows).order_by(follows.c.creator_id)).all()
    assert [tuple(row) for row in found] == [("ada", "c1", 1), ("ada", "c2", 1)]


def test_upsert_with_names_overwrites_those_columns_only(store: Database) -> None:
    with store.write() as connection:
        upsert(
            connection, tracks, [{"track_id": "t", "title": "old", "genre": "x", "updated_at": 1}]
        )
        new = {"track_id": "t", "title": "new", "genre": "y", "updated_at": 2}
        upsert(connection, tracks, [new], update=["title"])
    with store.read() as connection:
        found = connection.execute(sa.select(tracks)).one()
    assert (found.title, found.genre, found.updated_at) == ("new", "x", 1)
    assert (found.status, found.tags, found.explicit) == ("active", [], False)


def test_upsert_writes_a_column_whose_key_is_not_its_name(store: Database) -> None:
    row = {"track_id": "t", "metadata_json": "{}", "updated_at": 1}
    with store.write() as connection:
        upsert(connection, tracks, [row], update=["metadata_json"])
        upsert(connection, tracks, [{**row, "metadata_json": "[1]"}], update=["metadata_json"])
    with store.read() as connection:
        assert connection.execute(sa.select(tracks.c.metadata_json)).scalar_one() == "[1]"


def test_upsert_with_expressions_combines_old_and_incoming(store: Database) -> None:
    row = {"user_id": "u", "track_id": "t", "plays": 2, "last_at": 50}
    update = {
        "plays": lambda incoming: tallies.c.plays + incoming.plays,
        "last_at": lambda incoming: sa.case(
            (incoming.last_at > tallies.c.last_at, incoming.last_at), else_=tallies.c.last_at
        ),
        "finishes": 7,
    }
    with store.write() as connection:
        upsert(connection, tallies, [row], update)
        upsert(connection, tallies, [{**row, "plays": 3, "last_at": 40}], update)
    with store.read() as connection:
        found = connection.execute(sa.select(tallies)).one()
    assert (found.plays, found.last_at, found.finishes) == (5, 50, 7)


def test_upsert_of_nothing_is_nothing(store: Database) -> None:
    with store.write() as connection:
        upsert(connection, users, [])
    assert _users(store) == {}


def test_upsert_takes_more_rows_than_a_statement_takes_variables(store: Database) -> None:
    rows = [{"user_id": f"u{i}", "creator_id": "c", "at": i} for i in range(20_000)]
    with store.write() as connection:
        upsert(connection, follows, rows, update=["at"])
    with store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(follows)).scalar_one() == (
            20_000
        )


def test_a_failed_write_leaves_nothing(store: Database) -> None:
    def write() -> None:
        with store.write() as connection:
            upsert(connection, users, [{"user_id": "ada", "updated_at": 1}])
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write()
    assert _users(store) == {}


def test_a_read_sees_one_moment(store: Database) -> None:
    _add_user(store, "ada")
    count = sa.select(sa.func.count()).select_from(users)
    with store.read() as connection:
        before = connection.execute(count).scalar_one()
        _add_user(store, "bob")
        after = connection.execute(count).scalar_one()
    assert (before, after) == (1, 1)
    assert set(_users(store)) == {"ada", "bob"}


def test_an_unfinished_write_is_invisible(store: Database) -> None:
    with store.write() as connection:
        upsert(connection, users, [{"user_id": "ada", "updated_at": 1}])
        assert _users(store) == {}
    assert set(_users(store)) == {"ada"}


def test_writers_from_many_threads_all_get_through(store: Database) -> None:
    row = {"user_id": "u", "track_id": "t", "plays": 1, "last_at": 1}
    update = {"plays": lambda incoming: tallies.c.plays + incoming.plays}

    def add() -> None:
        for _ in range(25):
            with store.write() as connection:
                upsert(connection, tallies, [row], update)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert connection.execute(sa.select(tallies.c.plays)).scalar_one() == 100


def test_a_broken_rule_of_the_schema_is_a_programming_error(store: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), store.write() as connection:
        connection.execute(sa.insert(events), [{"event_id": "e", "user_id": None}])


def test_a_store_of_the_first_version_is_brought_up_to_date(
    store: Database, store_url: str
) -> None:
    with store.write() as connection:
        connection.execute(sa.insert(tracks), [{"track_id": "t", "updated_at": 1}])
        for table in ("fingerprints", "near_duplicates"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        connection.execute(sa.update(module.schema_info).values(version=1))
    for _ in range(2):  # the second time there is nothing left to do
        database = open_database(store_url)
        with database.read() as connection:
            assert connection.execute(sa.select(tracks.c.track_id)).scalar_one() == "t"
            for table in (fingerprints, near_duplicates):
                assert connection.execute(sa.select(table)).all() == []
        database.close()


def test_a_store_of_the_third_version_gets_experiments_and_exposures(
    store: Database, store_url: str
) -> None:
    page = {
        "request_id": "r", "user_id": "u", "at": 1, "surface": "home", "seed": 0, "artifacts": {},
        "drops": {}, "slots": [], "candidates": b"",
    }  # fmt: skip
    with store.write() as connection:
        connection.execute(sa.text("ALTER TABLE requests DROP COLUMN exposures"))
        for table in ("experiments", "experiment_changes"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        known = [column for column in requests.c if column.name != "exposures"]
        before = sa.Table("requests", sa.MetaData(), *(sa.Column(c.name, c.type) for c in known))
        connection.execute(sa.insert(before), [page])
        connection.execute(sa.update(module.schema_info).values(version=3))
    for _ in range(2):  # the second time there is nothing left to do
        database = open_database(store_url)
        with database.read() as connection:
            query = sa.select(requests.c.request_id, requests.c.exposures)
            assert connection.execute(query).all() == [("r", None)]
            assert connection.execute(sa.select(experiments)).all() == []
            assert connection.execute(sa.select(experiment_changes)).all() == []
        database.close()


def test_a_store_of_another_version_is_refused(store: Database, store_url: str) -> None:
    with store.write() as connection:
        connection.execute(sa.update(module.schema_info).values(version=99))
    with pytest.raises(StoreUnavailableError, match=r"schema 99.*needs 4.*matching version"):
        open_database(store_url)


def test_a_locked_sqlite_store_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 50)  # the wait before it gives up
    database = open_database(f"sqlite:///{tmp_path / 'segue.db'}")
    other = sqlite3.connect(tmp_path / "segue.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="locked"), database.write():
        pass
    with database.read() as connection:  # readers go on
        assert connection.execute(sa.select(sa.func.count()).select_from(users)).scalar_one() == 0
    other.execute("ROLLBACK")
    other.close()
    _add_user(database, "ada")
    database.close()


def test_a_file_that_is_no_store_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "segue.db").write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(StoreUnavailableError, match="damaged or is no store"):
        open_database(f"sqlite:///{tmp_path / 'segue.db'}")


def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(StoreUnavailableError, match="cannot answer"):
        open_database("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2")


def test_a_postgresql_url_needs_no_driver(postgres_url: str) -> None:
    database = open_database(postgres_url.replace("postgresql+psycopg", "postgresql"))
    _add_user(database, "ada")
    assert _users(database) == {"ada": "all"}
    database.close()


@pytest.mark.parametrize(
    ("url", "said"), [("mysql://x/y", "'mysql'"), ("nonsense", "cannot be read"), ("", "read")]
)
def test_another_kind_of_database_is_refused(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_database(url)


def test_a_password_is_never_shown() -> None:
    with pytest.raises(StoreUnavailableError) as caught:
        open_database("postgresql+psycopg://me:s3cret@127.0.0.1:1/none?connect_timeout=2")
    assert "s3cret" not in str(caught.value)
