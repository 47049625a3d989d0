"""Ids, arrays and sparse matrices in a folder, read back memory-mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from core.errors import ArtifactError

Floats = NDArray[np.float32]


def save_ids(path: Path, ids: tuple[str, ...]) -> None:
    """Write ids in row order, one Parquet column named `id`."""
    pl.DataFrame({"id": list(ids)}, schema={"id": pl.String}).write_parquet(path)


def load_ids(path: Path) -> tuple[str, ...]:
    """Read ids in row order.

    Raises:
        ArtifactError: If the file is missing or not what `save_ids` writes.
    """
    try:
        return tuple(pl.read_parquet(path, columns=["id"])["id"].to_list())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable(path, error) from error


def save_array(path: Path, values: NDArray[Any]) -> None:
    """Write an array as C-ordered `.npy`, so that it can be mapped instead of read."""
    np.save(path, np.ascontiguousarray(values), allow_pickle=False)


def load_array(path: Path) -> NDArray[Any]:
    """Map an array read-only: several processes share its pages and start at once.

    Raises:
        ArtifactError: If the file is missing, cut short or not an array.
    """
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _unreadable(path, error) from error
    # The plain view of the mapping: `np.memmap` itself makes every small slice slower.
    return np.asarray(mapped)


def save_csr(folder: Path, name: str, matrix: sparse.csr_matrix) -> None:
    """Write a CSR matrix as three arrays beside each other."""
    for part in ("data", "indices", "indptr"):
        save_array(folder / f"{name}.{part}.npy", getattr(matrix, part))


def load_csr(folder: Path, name: str, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Map a CSR matrix that `save_csr` wrote.

    Raises:
        ArtifactError: If a part is missing or the parts do not fit together.
    """
    data, indices, indptr = (
        load_array(folder / f"{name}.{part}.npy") for part in ("data", "indices", "indptr")
    )
    if len(indptr) != shape[0] + 1 or len(data) != len(indices) or int(indptr[-1]) != len(data):
        raise ArtifactError(f"{folder / name} does not fit {shape[0]} rows; train it again")
    return sparse.csr_matrix((data, indices, indptr), shape=shape, copy=False)


def aligned_rows(values: Floats, rows: NDArray[np.int64]) -> Floats:
    """Take rows of a matrix, zeros where a row is -1.

    Args:
        values: (n, dim) float32.
        rows: (m,) rows of `values`, or -1.

    Returns:
        (m, dim) float32; `values` itself, without a copy, when `rows` is 0..n-1.
    """
    if len(rows) == len(values) and np.array_equal(rows, np.arange(len(values))):
        return values
    taken = np.zeros((len(rows), values.shape[1]), dtype=np.float32)
    known = rows >= 0
    taken[known] = values[rows[known]]
    return taken


def _unreadable(path: Path, error: Exception) -> ArtifactError:
    return ArtifactError(f"{path} cannot be read ({error}); train or fetch this artifact again")
