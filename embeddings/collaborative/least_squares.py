"""One half-sweep of ALS: the factors of one side, solved exactly, given those of the other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

BLOCK_CELLS = 1_000_000  # gathered factor values solved at once: 4 MB, what a cache holds
SPREAD = 1.25  # rows of a block differ in length by so much at most; the rest would be padding

Floats = NDArray[np.float32]
Wide = NDArray[np.float64]


def solve_side(
    confidence: sparse.csr_matrix, other: Floats, ridges: Wide, threads: int = 1
) -> Floats:
    """Solve every row's ridge regression on the factors of the other side.

    For a row with entries c at columns J: x = (YᵀY + Y_Jᵀ(C - I)Y_J + λI)⁻¹ Y_Jᵀ c. In the basis
    in which YᵀY is diagonal, everything but the row's own entries is a diagonal D, so that a row
    with fewer entries than factors needs a system of its entries only (Woodbury). Most rows are
    such: half the tracks of a catalogue have a handful of listeners.

    Args:
        confidence: (n, m) CSR, entries ≥ 1.
        other: (m, dim) factors Y.
        ridges: (n,) λ > 0 of each row.
        threads: Blocks solved side by side; the result does not depend on it.

    Returns:
        (n, dim) float32; zeros where a row has no entries.

    Source:
        Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", 2008,
        equations 4 and 5.
    """
    wide = other.astype(np.float64)
    spectrum, basis = np.linalg.eigh(wide.T @ wide)
    turned = (wide @ basis).astype(np.float32)
    diagonal = np.maximum(spectrum, 0.0)
    solved = np.zeros((confidence.shape[0], other.shape[1]), dtype=np.float32)

    def solve(rows: NDArray[np.int64]) -> None:
        columns, gains = _padded(confidence, rows)
        damped = (diagonal + ridges[rows, None]).astype(np.float32)
        solved[rows] = _solve_block(turned[columns], gains, damped)

    with ThreadPoolExecutor(max(threads, 1)) as pool:
        list(pool.map(solve, blocks_by_length(np.diff(confidence.indptr), other.shape[1])))
    return (solved @ basis.T.astype(np.float32)).astype(np.float32, copy=False)


def blocks_by_length(lengths: NDArray[np.integer], dim: int) -> Iterator[NDArray[np.int64]]:
    """Yield the rows that have entries, in blocks of about equal length."""
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    ordered = lengths[order]
    start = 0
    while start < order.size:
        shortest = int(ordered[start])
        alike = int(np.searchsorted(ordered, int(shortest * SPREAD), side="right"))
        stop = min(alike, start + max(1, BLOCK_CELLS // (shortest * dim)))
        yield order[start:stop]
        start = stop


def _padded(
    confidence: sparse.csr_matrix, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Floats]:
    """Return (r, L) columns and confidences of rows; past a row's end its last column, and 0."""
    starts, ends = confidence.indptr[rows], confidence.indptr[rows + 1]
    steps = np.arange(int((ends - starts).max()))
    at = np.minimum(starts[:, None] + steps, ends[:, None] - 1)
    inside = steps < (ends - starts)[:, None]
    values = np.where(inside, confidence.data[at], 0.0).astype(np.float32)
    return confidence.indices[at].astype(np.int64), values


def _solve_block(own: Floats, confidence: Floats, damped: Floats) -> Floats:
    """Solve rows of about equal length.

    Args:
        own: (r, L, dim) factors at the rows' entries.
        confidence: (r, L) confidences; 0 where a row has ended.
        damped: (r, dim) the diagonal of everything else.
    """
    extra = np.maximum(confidence - 1.0, 0.0)[:, :, None]
    wanted = np.matmul(own.transpose(0, 2, 1), confidence[:, :, None])
    scaled = own * np.sqrt(extra)
    if own.shape[1] >= own.shape[2]:
        system = np.matmul(scaled.transpose(0, 2, 1), scaled)
        _add_to_diagonals(system, damped)
        return np.asarray(np.linalg.solve(system, wanted)[:, :, 0])
    # (D + SᵀS)⁻¹ b = D⁻¹b - D⁻¹Sᵀ (I + S D⁻¹ Sᵀ)⁻¹ S D⁻¹ b
    eased = wanted / damped[:, :, None]
    white = scaled / np.sqrt(damped)[:, None, :]
    system = np.matmul(white, white.transpose(0, 2, 1))
    _add_to_diagonals(system, np.ones(confidence.shape, dtype=np.float32))
    pulled = np.linalg.solve(system, np.matmul(scaled, eased))
    correction = np.matmul(scaled.transpose(0, 2, 1), pulled) / damped[:, :, None]
    return np.asarray((eased - correction)[:, :, 0])


def _add_to_diagonals(systems: Floats, values: Floats) -> None:
    at = np.arange(values.shape[1])
    systems[:, at, at] += values
