"""External ids (strings) and the dense rows that arrays are indexed by."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
"""Dense rows; `UNKNOWN_ROW` where an id is not known."""

UNKNOWN_ROW = -1
MAX_ID_CHARS = 128


class Ids:
    """An immutable two-way map between external ids and rows 0..n-1.

    Args:
        values: Distinct ids in row order.

    Raises:
        ValueError: If an id stands twice.
    """

    __slots__ = ("_row_of", "values")

    def __init__(self, values: Iterable[str]) -> None:
        self.values: tuple[str, ...] = tuple(values)
        self._row_of = {value: row for row, value in enumerate(self.values)}
        if len(self._row_of) != len(self.values):
            raise ValueError(f"{len(self.values) - len(self._row_of)} ids stand more than once")

    def __len__(self) -> int:
        return len(self.values)

    def __contains__(self, value: object) -> bool:
        return value in self._row_of

    def __getitem__(self, row: int) -> str:
        return self.values[row]

    def row(self, value: str) -> int:
        """Return the row of one id, or `UNKNOWN_ROW`."""
        return self._row_of.get(value, UNKNOWN_ROW)

    def rows(self, values: Iterable[str]) -> Rows:
        """Return the rows of ids in their order, `UNKNOWN_ROW` where an id is not known."""
        get = self._row_of.get
        return np.fromiter((get(value, UNKNOWN_ROW) for value in values), dtype=np.int64)

    def known_rows(self, values: Iterable[str]) -> Rows:
        """Return the rows of those ids that are known, in their order."""
        rows = self.rows(values)
        return np.asarray(rows[rows != UNKNOWN_ROW])

    def take(self, rows: Sequence[int] | Rows) -> tuple[str, ...]:
        """Return the ids of rows."""
        values = self.values
        return tuple(values[row] for row in rows)


def new_id() -> str:
    """Return a fresh id: 32 hexadecimal digits of randomness."""
    return uuid.uuid4().hex
