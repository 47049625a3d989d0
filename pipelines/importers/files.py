"""Files of rows, whatever their format, told apart by their suffix and read in chunks."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from core.errors import DataError
from pipelines.importers.chunks import LINE, Chunk
from pipelines.importers.delimited import read_delimited
from pipelines.importers.json_lines import read_json_lines
from pipelines.job import Progress

CHUNK_ROWS = 5_000_000  # about 1 GB while in work; each chunk writes one file a day of history
SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson")
FINGERPRINT_BYTES = 1 << 20


def read_files(
    paths: Sequence[Path],
    progress: Progress,
    *,
    columns: frozenset[str] | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[Chunk]:
    """Yield the rows of files, chunk after chunk.

    Args:
        paths: Parquet, CSV, TSV or JSON lines.
        progress: Shows how far it is.
        columns: The columns of interest; None reads all. Only Parquet saves time by it.
        chunk_rows: At most how many rows of Parquet a chunk has.

    Raises:
        DataError: If a file is missing, or cannot be read as what its suffix says.
    """
    for path in paths:
        _check_suffix(path)
    for path in paths:
        chunks, total = _open(path, columns, chunk_rows)
        yield from progress.track(_told(path, chunks), f"reading {path.name}", total)


def fingerprint(paths: Iterable[Path]) -> str:
    """Return a digest of the names, sizes, beginnings and ends of files; 12 hexadecimal digits.

    Raises:
        DataError: If one of them is no file.
    """
    digest = hashlib.sha256()
    for path in paths:
        _check_file(path)
        size = path.stat().st_size
        digest.update(f"{path.name}\x1f{size}\x1f".encode())
        with path.open("rb") as handle:
            digest.update(handle.read(FINGERPRINT_BYTES))
            handle.seek(max(size - FINGERPRINT_BYTES, 0))
            digest.update(handle.read())
    return digest.hexdigest()[:12]


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path} is not a file; check the path")


def _check_suffix(path: Path) -> None:
    _check_file(path)
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{path} has the suffix {path.suffix!r}; it must end in one of {', '.join(SUFFIXES)}"
        )


def _open(
    path: Path, columns: frozenset[str] | None, chunk_rows: int
) -> tuple[Iterator[Chunk], int | None]:
    """Return the chunks of a file, and how many there are where that is known."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        n_rows = _parquet_rows(path)
        total = max(1, math.ceil(n_rows / chunk_rows))
        return _read_parquet(path, columns, total, chunk_rows), total
    if suffix in (".jsonl", ".ndjson"):
        return read_json_lines(path), None
    return read_delimited(path, "\t" if suffix == ".tsv" else ","), None


def _parquet_rows(path: Path) -> int:
    try:
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {_first_line(error)}") from error


def _read_parquet(
    path: Path, columns: frozenset[str] | None, total: int, chunk_rows: int
) -> Iterator[Chunk]:
    scan = pl.scan_parquet(path, glob=False)
    found = tuple(scan.collect_schema().names())
    wanted = [name for name in found if columns is None or name in columns]
    for start in range(0, total * chunk_rows, chunk_rows):
        rows = scan.select(wanted).slice(start, chunk_rows).collect()
        numbers = pl.int_range(start + 1, start + 1 + rows.height, eager=True)
        yield Chunk(path, found, rows.with_columns(numbers.alias(LINE)))


def _told(path: Path, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield chunks, turning what their reading fails of into our error."""
    try:
        yield from chunks
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{path} cannot be read: {_first_line(error)}; nothing of it was imported"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
