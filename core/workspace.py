"""The data folder of one installation: store, warehouse, artifacts, audio, rejects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.artifacts import ArtifactStore
from core.database import Database, open_database
from core.errors import ConfigError
from core.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything below one data folder, opened.

    Args:
        root: The folder given as `--data`.
        database: The operational store.
        warehouse: The Parquet tables.
        artifacts: The versioned results.
    """

    root: Path
    database: Database
    warehouse: Warehouse
    artifacts: ArtifactStore

    @property
    def audio(self) -> Path:
        """Where recordings lie; `tracks.audio_path` is relative to it."""
        return self.root / "audio"

    @property
    def rejects(self) -> Path:
        """Where refused rows are written with their reasons."""
        return self.root / "rejects"


@contextmanager
def open_workspace(root: Path, store_url: str = "") -> Iterator[Workspace]:
    """Open a data folder, laying it out where it is new, and close it at the end of the block.

    Args:
        root: The data folder.
        store_url: The store's URL; "" is SQLite at `<root>/segue.db`.

    Raises:
        ConfigError: If the folder cannot be made.
        StoreUnavailableError: If the store cannot be reached.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the data folder {root} cannot be made: {error.strerror}; name another with --data"
        ) from error
    database = open_database(store_url or f"sqlite:///{root / 'segue.db'}")
    try:
        yield Workspace(
            root=root,
            database=database,
            warehouse=Warehouse(root / "warehouse", database),
            artifacts=ArtifactStore(root / "artifacts", database),
        )
    finally:
        database.close()
