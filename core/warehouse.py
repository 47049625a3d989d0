"""The warehouse: Parquet tables partitioned by day, written in batches that happen or do not.

The store's `warehouse_files` table names the files that count. A batch stages its files, then one
transaction of the store names them, together with whatever else must hold at the same moment
(tallies, tracks, compacted events), then they are moved into place. A batch killed before the
transaction leaves nothing; one killed after it is finished by the next reader or writer.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
import sqlalchemy as sa

from core.database import Database
from core.ids import new_id
from core.schema import warehouse_files
from core.tables import WAREHOUSE_TABLES, Table

STAGING = ".staging"
LOCK = ".lock"
TIMELESS = "all"
ROW_GROUP_ROWS = 250_000
REPLACED_GRACE_S = 3_600  # a reader that listed a replaced file may still be reading it


class Warehouse:
    """The tables below one folder.

    Args:
        root: The warehouse folder; made when first written.
        database: The store that names the files that count.
    """

    def __init__(self, root: Path, database: Database) -> None:
        self.root = root
        self.database = database

    def files(self, table: Table, day: str | None = None) -> list[Path]:
        """Return the committed files of a table, or of one of its days (`YYYY-MM-DD`)."""
        query = sa.select(warehouse_files.c.path).where(warehouse_files.c.table_name == table.name)
        if day is not None:
            query = query.where(warehouse_files.c.day == day)
        with self.database.read() as connection:
            paths = connection.execute(query.order_by(warehouse_files.c.path)).scalars().all()
        return [self._settled(path) for path in paths]

    def scan(self, table: Table, day: str | None = None) -> pl.LazyFrame:
        """Return a table, or one of its days (`YYYY-MM-DD`), as a lazy frame.

        It is empty where nothing was written. A column that is younger than a file is null in its
        rows.
        """
        paths = self.files(table, day)
        if not paths:
            return pl.LazyFrame(schema=table.schema)
        return pl.scan_parquet(paths, schema=table.schema, missing_columns="insert")

    def read(self, table: Table) -> pl.DataFrame:
        """Return the whole table."""
        return self.scan(table).collect()

    def count(self, table: Table) -> int:
        """Return how many rows a table has, without reading it."""
        total = sa.select(sa.func.coalesce(sa.func.sum(warehouse_files.c.row_count), 0))
        with self.database.read() as connection:
            query = total.where(warehouse_files.c.table_name == table.name)
            return int(connection.execute(query).scalar_one())

    def fingerprint(self, table: Table) -> str:
        """Return a digest that changes when the table does; files are immutable, names unique."""
        names = "\n".join(path.name for path in self.files(table))
        return hashlib.sha256(names.encode()).hexdigest()[:16]

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection with one view a table."""
        connection = duckdb.connect()
        for table in WAREHOUSE_TABLES.values():
            frame = self.scan(table)
            if paths := self.files(table):
                listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
                options = "hive_partitioning = false, union_by_name = true"
                source = f"read_parquet([{listed}], {options})"
                connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM {source}")  # noqa: S608
            else:
                connection.register(table.name, frame.collect().to_arrow())
        return connection

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """Yield a batch; only one is written at a time, in all processes of this machine.

        What was staged and not committed at the end of the block is removed.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel lets go of it when the holder dies
            self._sweep()
            batch = Batch(self)
            try:
                yield batch
            finally:
                batch.discard()

    def staged_path(self, relative: str) -> Path:
        """Return where a file waits until its batch is committed."""
        return self.root / STAGING / relative

    def _settled(self, relative: str) -> Path:
        """Return a committed file's path, finishing its move where a kill interrupted it."""
        path = self.root / relative
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.staged_path(relative).rename(path)
            except FileNotFoundError:
                if not path.exists():  # another process may have moved it between our two looks
                    raise
        return path

    def _sweep(self) -> None:
        """Finish interrupted moves and remove what no batch named; needs the lock."""
        with self.database.read() as connection:
            listed = set(connection.execute(sa.select(warehouse_files.c.path)).scalars())
        for relative in listed:
            self._settled(relative)
        oldest_s = time.time() - REPLACED_GRACE_S
        for path in self.root.rglob("*.parquet"):
            relative = str(path.relative_to(self.root))
            staged = relative.startswith(STAGING)
            if staged or (relative not in listed and path.stat().st_mtime < oldest_s):
                path.unlink()


class Batch:
    """Files that become part of the warehouse together; made by `Warehouse.batch`.

    Args:
        warehouse: The warehouse it writes to.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self.batch_id = new_id()
        self._warehouse = warehouse
        self._staged: list[dict[str, str | int]] = []
        self._replaced: set[str] = set()
        self._numbers = itertools.count()

    def append(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        """Stage the rows whose key stands neither in the table, nor in this batch, nor twice.

        Args:
            table: Where they belong.
            frame: Rows with the table's columns; missing optional columns become null.

        Returns:
            The rows that are new, conforming to the table.
        """
        key = list(table.key)
        rows = table.conform(frame).unique(subset=key, keep="first", maintain_order=True)
        fresh = [rows.clear()]
        for day, part in _by_day(table, rows):
            known = self._known_keys(table, day)
            new = part if known is None else part.join(known, on=key, how="anti", nulls_equal=True)
            if new.height:
                self._stage(table, day, new)
                fresh.append(new)
        return pl.concat(fresh)

    def replace(self, table: Table, frame: pl.DataFrame) -> None:
        """Stage rows that take the place of the whole table, also of what this batch staged."""
        self._replaced.add(table.name)
        self._discard([row for row in self._staged if row["table_name"] == table.name])
        for day, part in _by_day(table, table.conform(frame)):
            self._stage(table, day, part)

    @contextmanager
    def commit(self) -> Iterator[sa.Connection]:
        """Yield the store's write transaction that makes the batch part of the warehouse.

        What the block writes to the connection happens together with the batch, or not at all.
        """
        with self._warehouse.database.write() as connection:
            yield connection
            if self._replaced:
                self._unlist(connection)
            if self._staged:
                connection.execute(sa.insert(warehouse_files), self._staged)
            # A commit whose answer is lost may have happened: from here on the files are the
            # next sweep's, which keeps them where the store names them.
            committed, self._staged = self._staged, []
        for row in committed:
            self._warehouse._settled(str(row["path"]))  # noqa: SLF001 - one mechanism, two classes

    def discard(self) -> None:
        """Remove what was staged and not committed."""
        self._discard(self._staged)

    def _discard(self, rows: list[dict[str, str | int]]) -> None:
        for row in rows:
            self._warehouse.staged_path(str(row["path"])).unlink(missing_ok=True)
        self._staged = [row for row in self._staged if row not in rows]

    def _unlist(self, connection: sa.Connection) -> None:
        """Take the replaced tables' files out of the store's list; their grace starts now."""
        replaced = warehouse_files.c.table_name.in_(self._replaced)
        paths = connection.execute(sa.select(warehouse_files.c.path).where(replaced)).scalars()
        for path in paths.all():
            os.utime(self._warehouse._settled(path))  # noqa: SLF001 - one mechanism, two classes
        connection.execute(sa.delete(warehouse_files).where(replaced))

    def _known_keys(self, table: Table, day: str) -> pl.DataFrame | None:
        paths = [] if table.name in self._replaced else self._warehouse.files(table, day)
        paths += [
            self._warehouse.staged_path(str(row["path"]))
            for row in self._staged
            if (row["table_name"], row["day"]) == (table.name, day)
        ]
        if not paths:
            return None
        return pl.scan_parquet(paths).select(table.key).collect()

    def _stage(self, table: Table, day: str, rows: pl.DataFrame) -> None:
        name = f"{self.batch_id}-{next(self._numbers):05d}.parquet"
        relative = f"{table.name}/day={day}/{name}" if table.day else f"{table.name}/{name}"
        path = self._warehouse.staged_path(relative)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(path, compression="zstd", row_group_size=ROW_GROUP_ROWS)
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
        self._staged.append(
            {
                "path": relative,
                "table_name": table.name,
                "day": day,
                "row_count": rows.height,
                "batch_id": self.batch_id,
            }
        )


def _by_day(table: Table, rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield (day, rows) in order of day; one group where time plays no part."""
    if not rows.height:
        return
    if not table.day:
        yield TIMELESS, rows
        return
    days = rows.with_columns(_day=pl.col(table.day).dt.strftime("%Y-%m-%d"))
    parts = days.partition_by("_day", as_dict=True, include_key=False)
    for key in sorted(parts):
        yield str(key[0]), parts[key]
