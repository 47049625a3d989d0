"""Chunks of rows as they stand in a file, each row with its line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

LINE = "__line"
"""The column that holds a row's 1-based line (text) or row number (Parquet)."""
TEXT_CHUNK_ROWS = 500_000


class Malformed(NamedTuple):
    """A line that is no row at all.

    Args:
        line: Its 1-based number.
        reason: What is wrong with it.
        text: The line.
    """

    line: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some rows of a file, with the file's own columns.

    Args:
        path: The file.
        columns: Every column the file has, whether read or not.
        rows: The rows, with `LINE`.
        malformed: Lines between them that are no rows.
    """

    path: Path
    columns: tuple[str, ...]
    rows: pl.DataFrame
    malformed: tuple[Malformed, ...] = ()

    def __len__(self) -> int:
        return self.rows.height + len(self.malformed)
