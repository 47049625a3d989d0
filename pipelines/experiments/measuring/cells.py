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
    if not own.size:
        return [None] * n_cells
    middle = columns.matrix.mean(axis=1)
    apart = columns.matrix - middle[:, None]
    return [_aggregate(columns.variables, apart[:, own == at], middle) for at in range(n_cells)]


def _aggregate(
    variables: tuple[str, ...], apart: NDArray[np.float64], middle: NDArray[np.float64]
) -> Aggregate | None:
    n = apart.shape[1]
    if not n:
        return None
    sums = apart.sum(axis=1)
    covariances = (apart @ apart.T - np.outer(sums, sums) / n) / max(n - 1, 1)
    return aggregate_of_moments(variables, n, middle + sums / n, covariances)
