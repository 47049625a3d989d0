"""JSON lines: one object a line; a broken line is set aside and costs no other line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from core.errors import DataError
from pipelines.importers.chunks import LINE, TEXT_CHUNK_ROWS, Chunk, Malformed


def read_json_lines(path: Path) -> Iterator[Chunk]:
    """Yield the rows of a JSON lines file; numbers become text, lists stay lists of text.

    Args:
        path: The file.

    Raises:
        DataError: If not one of its lines is a JSON object.
    """
    found_rows = found_lines = False
    names: dict[str, None] = {}  # of all lines so far: a column is not gone where a chunk lacks it
    with path.open("rb") as handle:
        lines = ((number, line) for number, line in enumerate(handle, start=1) if line.strip())
        while block := list(islice(lines, TEXT_CHUNK_ROWS)):
            chunk = _chunk(path, block, names)
            found_lines = True
            found_rows = found_rows or chunk.rows.height > 0
            yield chunk
    if found_lines and not found_rows:
        raise DataError(f"{path} is not JSON lines: none of its lines is a JSON object")


def _chunk(path: Path, block: Iterable[tuple[int, bytes]], names: dict[str, None]) -> Chunk:
    numbers: list[int] = []
    documents: list[dict[str, Any]] = []
    malformed: list[Malformed] = []
    for number, line in block:
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            malformed.append(_malformed(number, f"the line is not JSON: {error.msg}", line))
            continue
        if isinstance(document, dict):
            numbers.append(number)
            documents.append(document)
        else:
            malformed.append(_malformed(number, "the line is not a JSON object", line))
    names.update(dict.fromkeys(name for document in documents for name in document))
    columns = [_column(name, [document.get(name) for document in documents]) for name in names]
    rows = pl.DataFrame([*columns, pl.Series(LINE, numbers, dtype=pl.Int64)])
    return Chunk(path, tuple(names), rows, tuple(malformed))


def _malformed(number: int, reason: str, line: bytes) -> Malformed:
    return Malformed(number, reason, line.decode(errors="replace").rstrip("\r\n"))


def _column(name: str, values: list[Any]) -> pl.Series:
    if any(isinstance(value, list) for value in values):
        lists = [_texts(value) for value in values]
        return pl.Series(name, lists, dtype=pl.List(pl.String))
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _texts(value: Any) -> list[str | None] | None:
    if value is None or isinstance(value, list):
        return None if value is None else [_text(one) for one in value]
    return [_text(value)]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
