"""Refused rows: counted by reason, and written down with file, line and the row itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson
import polars as pl

from pipelines.importers.chunks import LINE, Chunk


class Rejects:
    """The refused rows of one import; the file appears with its first row.

    Args:
        path: Where they are written, one JSON document a line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._handle: IO[bytes] | None = None

    @property
    def total(self) -> int:
        """How many rows were refused."""
        return self.reasons.total()

    @property
    def written_to(self) -> str:
        """The file that holds them; "" where there is none."""
        return str(self.path) if self.total else ""

    def add(self, file: Path, line: int, reason: str, row: Any) -> None:
        """Refuse one row."""
        document = {"file": str(file), "line": line, "reason": reason, "row": row}
        self._write(orjson.dumps(document, default=str) + b"\n")
        self.reasons[reason] += 1

    def add_rows(self, chunk: Chunk, rejected: pl.DataFrame) -> None:
        """Refuse the malformed lines of a chunk, and some of its rows.

        Args:
            chunk: What was read.
            rejected: Columns `LINE` and reason.
        """
        for one in chunk.malformed:
            self.add(chunk.path, one.line, one.reason, one.text)
        if not rejected.height:
            return
        raw = chunk.rows.join(rejected, on=LINE, how="inner", maintain_order="left")
        columns = [pl.col(name) for name in chunk.rows.columns if name != LINE]
        documents = raw.select(
            pl.lit(str(chunk.path)).alias("file"),
            pl.col(LINE).alias("line"),
            pl.col("reason"),
            pl.struct(columns or [pl.lit(None).alias("nothing")]).alias("row"),
        )
        self._write(documents.write_ndjson().encode())
        self.reasons.update(dict(rejected["reason"].value_counts().iter_rows()))

    def close(self) -> None:
        """Finish the file; where nothing was refused, an earlier run's file goes."""
        if self._handle is None:
            self.path.unlink(missing_ok=True)
            return
        self._handle.close()
        self._handle = None
        self._part.replace(self.path)

    def discard(self) -> None:
        """Forget an unfinished file."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
            self._part.unlink(missing_ok=True)

    @property
    def _part(self) -> Path:
        return self.path.with_suffix(".part")

    def _write(self, text: bytes) -> None:
        if self._handle is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = self._part.open("wb")
        self._handle.write(text)


@contextmanager
def open_rejects(folder: Path, name: str, fingerprint: str) -> Iterator[Rejects]:
    """Yield the rejects of one import; the same input writes the same file again.

    Args:
        folder: The workspace's folder of rejects.
        name: Which importer.
        fingerprint: What was imported.
    """
    rejects = Rejects(folder / f"{name}-{fingerprint}.jsonl")
    try:
        yield rejects
    except BaseException:
        rejects.discard()
        raise
    rejects.close()
