"""The operational store: one database, SQLite (embedded) or PostgreSQL (by URL)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from core.errors import ConfigError, StoreUnavailableError
from core.schema import SCHEMA_VERSION, metadata, requests, schema_info

BUSY_TIMEOUT_MS = 10_000


class Database:
    """A store that has been opened; safe to share between threads.

    Args:
        engine: A SQLAlchemy engine made by `open_database`.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._reader = engine
        if engine.dialect.name == "postgresql":  # SQLite reads one snapshot by itself
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ")

    @property
    def url(self) -> str:
        """Where the store is, without its password."""
        return self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Yield a connection inside one read transaction: all it reads is of one moment.

        Raises:
            StoreUnavailableError: If the store does not answer.
        """
        with _translated(self.url), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Yield a connection inside one write transaction, committed at the end of the block.

        SQLite takes its write lock at once: a transaction that reads first and writes later
        would otherwise fail when another process wrote in between.

        Raises:
            StoreUnavailableError: If the store does not answer, is locked or is full.
        """
        with _translated(self.url), self._engine.connect() as plain:
            connection = plain.execution_options(segue_writes=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


def open_database(url: str) -> Database:
    """Open the store and lay its tables where they are missing.

    Args:
        url: `sqlite:///path/to/file.db` or `postgresql+psycopg://user@host/name`.

    Raises:
        ConfigError: If the URL names another kind of database or cannot be parsed.
        StoreUnavailableError: If the store cannot be reached or was laid by a newer version.
    """
    parsed = _parse(url)
    sqlite_wanted = parsed.get_backend_name() == "sqlite"
    database = Database(_sqlite_engine(parsed) if sqlite_wanted else sa.create_engine(parsed))
    try:
        _lay_schema(database)
    except BaseException:
        database.close()
        raise
    return database


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise ConfigError(
            f"the store's url cannot be read: {error}; write sqlite:///path/to/segue.db or "
            "postgresql+psycopg://user@host/name"
        ) from error
    if parsed.drivername in ("postgres", "postgresql"):  # only one driver is installed
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(
            f"the store's url names {parsed.get_backend_name()!r}; use sqlite or postgresql"
        )
    return parsed


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    update: Mapping[str, Any] | Sequence[str] = (),
) -> None:
    """Insert rows; where the primary key already stands, update it or leave it.

    Args:
        connection: Inside a write transaction.
        table: The table.
        rows: Dictionaries with the same keys.
        update: Columns to overwrite; or column → expression, or a callable that makes one of
            `excluded`, the incoming row; empty leaves the existing row untouched.
    """
    if not rows:
        return
    statement = upsert_statement(connection, table, update)
    connection.execute(statement, list(rows))


def upsert_statement(
    connection: sa.Connection, table: sa.Table, update: Mapping[str, Any] | Sequence[str] = ()
) -> sa.Executable:
    """Return the dialect's `INSERT … ON CONFLICT` for a table (see `upsert`).

    Where `update` is a mapping, its values may be callables of `excluded`, the incoming row.
    """
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    keys = [column.key for column in table.primary_key]
    if not update:
        return statement.on_conflict_do_nothing(index_elements=keys)  # type: ignore[no-any-return]
    excluded = statement.excluded
    if isinstance(update, Mapping):
        values = {k: v(excluded) if callable(v) else v for k, v in update.items()}
    else:
        values = {name: excluded[name] for name in update}
    return statement.on_conflict_do_update(index_elements=keys, set_=values)  # type: ignore[no-any-return]


def lock_until_commit(connection: sa.Connection, name: str) -> None:
    """Let other writers that ask for the same name wait until this transaction ends.

    A SQLite write transaction is alone already.
    """
    if connection.dialect.name == "postgresql":
        key = sa.func.hashtext(f"segue/{name}")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn 'the store cannot answer' into our error; programming errors pass through."""
    try:
        yield
    except OperationalError as error:
        raise StoreUnavailableError(
            f"the store at {url} cannot answer: {error.orig}; check its disk and that it runs"
        ) from error
    except sa.exc.TimeoutError as error:  # every pooled connection stayed busy
        raise StoreUnavailableError(f"the store at {url} is overloaded: {error}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreUnavailableError(f"the store at {url} went away: {error.orig}") from error
        if "not a database" in str(error.orig) or "malformed" in str(error.orig):
            raise StoreUnavailableError(
                f"the store at {url} is damaged or is no store: {error.orig}; restore a copy of it"
            ) from error
        raise


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    sa.event.listen(engine, "connect", _on_sqlite_connect)
    sa.event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    # The driver's own transaction handling starts transactions late; we say BEGIN ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # an acknowledged event survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def _on_sqlite_begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("segue_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _lay_schema(database: Database) -> None:
    with database.read() as connection:
        known = sa.inspect(connection).has_table(schema_info.name)
    if not known:
        with database.write() as connection:
            lock_until_commit(connection, "schema")
            metadata.create_all(connection)
            upsert(connection, schema_info, [{"version": SCHEMA_VERSION}])
    found = _schema_version(database)
    if found in (1, 2, 3):  # tables and columns were added since, none was changed
        with database.write() as connection:
            lock_until_commit(connection, "schema")
            metadata.create_all(connection)
            _add_column(connection, requests.c.exposures)
            upsert(connection, schema_info, [{"version": SCHEMA_VERSION}])
        found = _schema_version(database)
    if found != SCHEMA_VERSION:
        raise StoreUnavailableError(
            f"the store at {database.url} has schema {found}, this program needs {SCHEMA_VERSION}; "
            "use the matching version of segue"
        )


def _add_column(connection: sa.Connection, column: sa.Column[Any]) -> None:
    """Add a column that may be empty to a table that was laid before there was one."""
    known = {one["name"] for one in sa.inspect(connection).get_columns(column.table.name)}
    if column.name not in known:
        kind = column.type.compile(connection.dialect)
        table = column.table.name
        connection.execute(sa.text(f'ALTER TABLE "{table}" ADD COLUMN "{column.name}" {kind}'))


def _schema_version(database: Database) -> int:
    with database.read() as connection:
        query = sa.select(sa.func.max(schema_info.c.version))
        return int(connection.execute(query).scalar_one())
