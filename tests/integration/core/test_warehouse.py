"""A batch of the warehouse happens or does not, wherever its process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from core.database import open_database, upsert
from core.schema import users
from core.tables import EVENTS, TALLIES, USER_TAGS, WAREHOUSE_TABLES
from core.warehouse import REPLACED_GRACE_S, STAGING, Warehouse

START = datetime(2026, 1, 1, 23, 59, tzinfo=UTC)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    database = open_database(f"sqlite:///{tmp_path / 'segue.db'}")
    yield Warehouse(tmp_path / "warehouse", database)
    database.close()


def _events(*numbers: int) -> pl.DataFrame:
    """One event a minute from a minute before midnight: number 0 lies on the first day."""
    return pl.DataFrame(
        {
            "event_id": [f"e{number}" for number in numbers],
            "user_id": ["ada"] * len(numbers),
            "track_id": ["t"] * len(numbers),
            "action": ["play"] * len(numbers),
            "at": [START + timedelta(minutes=number) for number in numbers],
        },
        schema_overrides={"at": EVENTS.schema["at"]},
    )


def _append(warehouse: Warehouse, frame: pl.DataFrame) -> pl.DataFrame:
    with warehouse.batch() as batch:
        fresh = batch.append(EVENTS, frame)
        with batch.commit():
            pass
    return fresh


def _ids(warehouse: Warehouse) -> list[str]:
    return sorted(warehouse.read(EVENTS)["event_id"])


def _parquet(warehouse: Warehouse) -> set[Path]:
    return set(warehouse.root.rglob("*.parquet"))


def test_an_empty_warehouse_reads_as_empty_tables(warehouse: Warehouse) -> None:
    for table in WAREHOUSE_TABLES.values():
        assert warehouse.read(table).schema == table.schema
        assert warehouse.count(table) == 0
    with warehouse.connect() as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_rows_come_back_by_day_with_all_columns(warehouse: Warehouse) -> None:
    _append(warehouse, _events(0, 1, 2))
    found = warehouse.read(EVENTS)
    assert found.schema == EVENTS.schema
    assert found["at"].to_list() == _events(0, 1, 2)["at"].to_list()
    assert found["device"].null_count() == 3
    assert [path.parent.name for path in warehouse.files(EVENTS)] == [
        "day=2026-01-01",
        "day=2026-01-02",
    ]
    assert len(warehouse.files(EVENTS, "2026-01-02")) == 1
    second = warehouse.scan(EVENTS, "2026-01-02").collect()
    assert second["event_id"].to_list() == ["e1", "e2"]
    assert warehouse.scan(EVENTS, "2026-01-03").collect().schema == EVENTS.schema
    with warehouse.connect() as connection:
        counted = connection.execute(
            'SELECT count(*) FROM events WHERE "at" IS NOT NULL'
        ).fetchone()
    assert counted == (3,)


def test_a_column_younger_than_a_file_is_null_in_it(warehouse: Warehouse) -> None:
    columns = tuple(column for column in EVENTS.columns if column.name != "is_organic")
    with warehouse.batch() as batch:
        batch.append(replace(EVENTS, columns=columns), _events(0))
        with batch.commit():
            pass
    _append(warehouse, _events(1, 2).with_columns(is_organic=pl.lit(value=True)))
    found = warehouse.read(EVENTS)
    assert found.schema == EVENTS.schema
    assert found["is_organic"].to_list() == [None, True, True]
    with warehouse.connect() as connection:
        organic = connection.execute("SELECT count(*) FROM events WHERE is_organic").fetchone()
    assert organic == (2,)


def test_a_key_stands_once_whatever_batch_brings_it(warehouse: Warehouse) -> None:
    twice = pl.concat([_events(0, 1), _events(1)])
    assert _append(warehouse, twice)["event_id"].to_list() == ["e0", "e1"]
    assert _append(warehouse, _events(1, 2))["event_id"].to_list() == ["e2"]
    assert _append(warehouse, _events(0, 1, 2)).height == 0
    assert _ids(warehouse) == ["e0", "e1", "e2"]
    assert warehouse.count(EVENTS) == 3


def test_a_key_stands_once_within_a_batch_of_several_appends(warehouse: Warehouse) -> None:
    with warehouse.batch() as batch:
        assert batch.append(EVENTS, _events(0)).height == 1
        assert batch.append(EVENTS, _events(0, 1))["event_id"].to_list() == ["e1"]
        with batch.commit():
            pass
    assert _ids(warehouse) == ["e0", "e1"]


def test_a_null_in_a_key_is_a_value_of_its_own(warehouse: Warehouse) -> None:
    frame = pl.DataFrame({"user_id": ["u"], "track_id": ["t"], "tag": [None]})
    for expected in (1, 0):
        with warehouse.batch() as batch:
            fresh = batch.append(USER_TAGS, frame.cast({"tag": pl.String}))
            assert fresh.height == expected
            with batch.commit():
                pass


def test_a_batch_without_commit_leaves_nothing(warehouse: Warehouse) -> None:
    with warehouse.batch() as batch:
        batch.append(EVENTS, _events(0))
        assert len(_parquet(warehouse)) == 1
    assert _ids(warehouse) == []
    assert _parquet(warehouse) == set()


def test_a_failing_transaction_takes_the_batch_with_it(warehouse: Warehouse) -> None:
    def write() -> None:
        with warehouse.batch() as batch:
            batch.append(EVENTS, _events(0))
            with batch.commit() as connection:
                upsert(connection, users, [{"user_id": "ada", "updated_at": 1}])
                raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write()
    assert _ids(warehouse) == []
    assert _parquet(warehouse) == set()
    with warehouse.database.read() as connection:
        assert connection.execute(sa.select(users)).all() == []


def _tallies(plays: int) -> pl.DataFrame:
    return pl.DataFrame({"user_id": ["u"], "track_id": ["t"], "plays": [plays]})


def _replace(warehouse: Warehouse, plays: int) -> None:
    with warehouse.batch() as batch:
        batch.replace(TALLIES, _tallies(plays))
        with batch.commit():
            pass


def test_replace_takes_the_place_of_the_whole_table(warehouse: Warehouse) -> None:
    _append(warehouse, _events(0))
    _replace(warehouse, 1)
    _replace(warehouse, 2)
    assert warehouse.read(TALLIES)["plays"].to_list() == [2]
    assert _ids(warehouse) == ["e0"]


def test_append_after_replace_knows_only_what_the_batch_brought(warehouse: Warehouse) -> None:
    _replace(warehouse, 1)
    with warehouse.batch() as batch:
        batch.append(TALLIES, _tallies(5).with_columns(user_id=pl.lit("staged, then replaced")))
        batch.replace(TALLIES, _tallies(2).clear())
        assert batch.append(TALLIES, _tallies(3)).height == 1
        with batch.commit():
            pass
    assert warehouse.read(TALLIES)["plays"].to_list() == [3]


def test_a_replaced_file_stays_until_its_readers_are_done(warehouse: Warehouse) -> None:
    _replace(warehouse, 1)
    (old,) = warehouse.files(TALLIES)
    long_ago = time.time() - 10 * REPLACED_GRACE_S
    os.utime(old, (long_ago, long_ago))  # written long ago, and replaced now
    listed = warehouse.scan(TALLIES)
    _replace(warehouse, 2)
    _replace(warehouse, 3)
    assert listed.collect()["plays"].to_list() == [1]
    os.utime(old, (long_ago, long_ago))  # and now also replaced long ago
    _append(warehouse, _events(0))
    assert not old.exists()
    assert warehouse.read(TALLIES)["plays"].to_list() == [3]


def test_the_fingerprint_follows_the_table(warehouse: Warehouse) -> None:
    prints = [warehouse.fingerprint(EVENTS)]
    _append(warehouse, _events(0))
    prints.append(warehouse.fingerprint(EVENTS))
    _append(warehouse, _events(0))  # nothing new
    _replace(warehouse, 1)  # another table
    assert warehouse.fingerprint(EVENTS) == prints[1]
    _append(warehouse, _events(1))
    prints.append(warehouse.fingerprint(EVENTS))
    assert len(set(prints)) == 3


def test_two_writers_wait_for_each_other(warehouse: Warehouse) -> None:
    failures = []

    def write(first: int) -> None:
        try:
            for number in range(first, first + 6):
                _append(warehouse, _events(number, number + 1))  # neighbours overlap
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert _ids(warehouse) == sorted(f"e{number}" for number in range(10))
    assert warehouse.count(EVENTS) == 10


CHILD = """
import os, signal, sys
from pathlib import Path
import core.warehouse
from core.database import open_database, upsert
from core.schema import users
from core.tables import EVENTS
from core.warehouse import Warehouse
from tests.integration.core.test_warehouse import _events

def die():
    os.kill(os.getpid(), signal.SIGKILL)

root, point = Path(sys.argv[1]), sys.argv[2]
warehouse = Warehouse(root / "warehouse", open_database(f"sqlite:///{root / 'segue.db'}"))
if point == "before the move":
    Warehouse._settled = lambda self, path: die()
if point == "between two moves":
    settle, moved = Warehouse._settled, []
    def settle_one(self, path):
        if moved:
            die()
        moved.append(path)
        return settle(self, path)
    Warehouse._settled = settle_one
with warehouse.batch() as batch:
    batch.append(EVENTS, _events(0))
    if point == "half staged":
        die()
    batch.append(EVENTS, _events(1))
    if point == "staged":
        die()
    with batch.commit() as connection:
        upsert(connection, users, [{"user_id": "ada", "updated_at": 1}])
        if point == "in the transaction":
            die()
"""

NOTHING: tuple[list[str], list[str]] = ([], [])
ALL = (["e0", "e1"], ["ada"])


@pytest.mark.parametrize(
    ("point", "left"),
    [
        ("half staged", NOTHING),
        ("staged", NOTHING),
        ("in the transaction", NOTHING),
        ("before the move", ALL),
        ("between two moves", ALL),
    ],
)
@pytest.mark.parametrize("first", ["reader", "writer"])
def test_a_killed_batch_leaves_nothing_or_all(
    warehouse: Warehouse, tmp_path: Path, point: str, left: tuple[list[str], list[str]], first: str
) -> None:
    repository = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path), point],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    if first == "writer":
        _append(warehouse, _events(9))
    with warehouse.database.read() as connection:
        user_ids = list(connection.execute(sa.select(users.c.user_id)).scalars())
    others = ["e9"] if first == "writer" else []
    assert (_ids(warehouse), user_ids) == (sorted(left[0] + others), left[1])
    assert warehouse.count(EVENTS) == len(left[0] + others)
    if first == "writer":  # and it cleared away what the dead one had staged
        assert not list((warehouse.root / STAGING).rglob("*.parquet"))


def test_a_batch_can_be_run_again_after_a_kill(warehouse: Warehouse, tmp_path: Path) -> None:
    for point in ("staged", "before the move"):
        subprocess.run(
            [sys.executable, "-c", CHILD, str(tmp_path), point],
            cwd=Path(__file__).parents[3],
            check=False,
        )
        _append(warehouse, _events(0, 1))
        assert _ids(warehouse) == ["e0", "e1"]


def test_a_commit_without_an_answer_loses_nothing(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store took the batch, but the connection broke before it could say so."""
    real = warehouse.database.write

    class Broken:
        def __enter__(self) -> sa.Connection:
            self.block = real()
            return self.block.__enter__()

        def __exit__(self, *error: object) -> None:
            self.block.__exit__(None, None, None)
            raise ConnectionError("went away")

    monkeypatch.setattr(warehouse.database, "write", Broken)
    with pytest.raises(ConnectionError):
        _append(warehouse, _events(0))
    monkeypatch.undo()
    assert _ids(warehouse) == ["e0"]
