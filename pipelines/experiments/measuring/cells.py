"""Aggregates listeners by cell: by variation, or by variation and segment, all at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.experiments.measuring.values import Columns
from pipelines.experiments.statistics.aggregates import Aggregate, aggregate_of_moments


def aggregate_cells(
    columns: Columns, cells: NDArray[np.int64], n_cells: int
) -> list[Aggregate | None]:
    """Aggregate one metric in every cell.

    Sums are taken around the mean of all, so that little is lost where a mean is large beside its
    spread.

    Args:
        columns: The metric.
        cells: (n,) the cell of every listener, from 0; below 0 is in none.
        n_cells: How many cells there are.

    Returns:
        An aggregate a cell, or None where it has nobody.
    """
    own = cells[columns.keep]
    chosen = own >= 0
    own, matrix = own[chosen], columns.matrix[:, chosen]
    counts = np.bincount(own, minlength=n_cells)
    if not own.size:
        return [None] * n_cells
    middle = matrix.mean(axis=1)
    apart = matrix - middle[:, None]
    k = len(columns.variables)
    sums = np.stack([np.bincount(own, row, n_cells) for row in apart]).astype(np.float64)
    products = np.empty((k, k, n_cells))
    for row in range(k):
        for column in range(row + 1):
            found = np.bincount(own, apart[row] * apart[column], n_cells)
            products[row, column] = products[column, row] = found
    return [
        None
        if not n
        else _aggregate(columns.variables, int(n), middle, sums[:, at], products[:, :, at])
        for at, n in enumerate(counts)
    ]


def _aggregate(
    variables: tuple[str, ...],
    n: int,
    middle: NDArray[np.float64],
    sums: NDArray[np.float64],
    products: NDArray[np.float64],
) -> Aggregate:
    covariances = (products - np.outer(sums, sums) / n) / max(n - 1, 1)
    return aggregate_of_moments(variables, n, middle + sums / n, covariances)
