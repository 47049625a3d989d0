"""CSV and TSV, line by line: a broken line is set aside and costs no other line."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import polars as pl

from core.errors import DataError
from pipelines.importers.chunks import LINE, TEXT_CHUNK_ROWS, Chunk, Malformed

MAX_RECORD_LINES = 50  # a quote that stays open longer than this was never meant to open


class _Record(NamedTuple):
    line: int
    fields: list[str]
    text: str


def read_delimited(
    path: Path, delimiter: str, *, encoding: str = "utf-8-sig", quoted: bool = True
) -> Iterator[Chunk]:
    """Yield the rows of a delimited file whose first line names the columns, every value as text.

    Args:
        path: The file.
        delimiter: What stands between fields.
        encoding: How its text is encoded; bytes that are not make their line malformed.
        quoted: Whether `"` encloses fields; false takes it for a letter like any other.

    Raises:
        DataError: If its first line cannot be a header.
    """
    with path.open(encoding=encoding, errors="surrogateescape") as handle:
        lines = enumerate(handle, start=1)
        columns = _header(path, next(lines, (1, ""))[1], delimiter)
        records = _quoted(lines, delimiter, len(columns)) if quoted else _plain(lines, delimiter)
        first = True
        while block := list(islice(records, TEXT_CHUNK_ROWS)):
            yield _chunk(path, columns, block)
            first = False
        if first:
            yield _chunk(path, columns, [])


def _header(path: Path, line: str, delimiter: str) -> tuple[str, ...]:
    columns = tuple(next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), []))
    if not line.strip() or not _is_text(line):
        raise DataError(f"{path} has no header line of text; its first line must name the columns")
    if len(set(columns)) != len(columns):
        twice = sorted({name for name in columns if columns.count(name) > 1})
        raise DataError(
            f"{path} names columns twice: {', '.join(twice)}; rename them in its header"
        )
    return columns


def _plain(lines: Iterator[tuple[int, str]], delimiter: str) -> Iterator[_Record]:
    for number, line in lines:
        text = line.rstrip("\r\n")
        if text:
            yield _Record(number, text.split(delimiter), text)


def _quoted(lines: Iterator[tuple[int, str]], delimiter: str, n_columns: int) -> Iterator[_Record]:
    """Yield records; a quoted field may span lines, as long as the record comes out whole."""
    waiting: deque[tuple[int, str]] = deque()  # lines looked at for an earlier record in vain
    while (head := waiting.popleft() if waiting else next(lines, None)) is not None:
        if '"' not in head[1]:
            yield from _plain(iter([head]), delimiter)
            continue
        taken = [head]
        fields = _parsed(taken, delimiter)
        while fields is None and len(taken) < MAX_RECORD_LINES:
            following = waiting.popleft() if waiting else next(lines, None)
            if following is None:
                break
            taken.append(following)
            joined = _parsed(taken, delimiter)
            fields = joined if joined and len(joined) == n_columns else None
        if fields is None:  # a stray quote: only its own line is broken
            waiting.extendleft(reversed(taken[1:]))
            del taken[1:]
        text = "".join(line for _, line in taken).rstrip("\r\n")
        yield _Record(head[0], fields or [], text)


def _parsed(lines: Sequence[tuple[int, str]], delimiter: str) -> list[str] | None:
    """Return the fields of lines that make one whole record, else None."""
    try:
        records = list(csv.reader((line for _, line in lines), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None


def _chunk(path: Path, columns: Sequence[str], records: list[_Record]) -> Chunk:
    good, malformed = [], []
    for record in records:
        if reason := _fault(record, len(columns)):
            malformed.append(Malformed(record.line, reason, record.text))
        else:
            good.append(record)
    values = zip(*(record.fields for record in good), strict=True) if good else ((),) * len(columns)
    data = dict(zip(columns, map(list, values), strict=True))
    rows = pl.DataFrame(data, schema=dict.fromkeys(columns, pl.String))
    numbers = pl.Series(LINE, [record.line for record in good], dtype=pl.Int64)
    return Chunk(path, tuple(columns), rows.with_columns(numbers), tuple(malformed))


def _fault(record: _Record, n_columns: int) -> str:
    if not _is_text(record.text):
        return "the line is not text in the file's encoding"
    if not record.fields:
        return "the line has a quote that does not enclose a whole field"
    if len(record.fields) != n_columns:
        return f"the line has {len(record.fields)} fields, the header {n_columns}"
    return ""


def _is_text(line: str) -> bool:
    if line.isascii():
        return "\x00" not in line
    try:
        line.encode()
    except UnicodeEncodeError:  # bytes that did not decode stand there as lone surrogates
        return False
    return "\x00" not in line
