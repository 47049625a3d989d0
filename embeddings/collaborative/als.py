"""Fitting ALS factors: by `implicit` where one ridge holds for all, exactly where it does not."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from core.errors import DataError
from embeddings.collaborative.factors import AlsConfig, AlsFactors, Ridge, ridge_of
from embeddings.collaborative.least_squares import solve_side

__all__ = ["AlsConfig", "fit_als"]

START = 0.1  # length of a track's first factor; near zero the first sweep decides by itself


def fit_als(
    confidence: sparse.csr_matrix,
    user_ids: tuple[str, ...],
    track_ids: tuple[str, ...],
    config: AlsConfig,
    seed: int,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> AlsFactors:
    """Factorise confidences into listeners and tracks.

    Args:
        confidence: (n_users, n_tracks) CSR, see `embeddings.collaborative.confidence`.
        user_ids: (n_users,) ids of its rows.
        track_ids: (n_tracks,) ids of its columns.
        config: Size, length and ridge of the fit.
        seed: The same seed and input give the same factors.
        progress: Called with (iterations done, iterations in all).

    Returns:
        The factors; the listeners' are solved last, so that folding one in gives them again.

    Raises:
        DataError: If the matrix is empty or does not fit the ids.

    Source:
        Hu, Koren and Volinsky 2008; Rendle et al. 2021 for the ridge (see `Ridge`).
    """
    if confidence.shape != (len(user_ids), len(track_ids)):
        raise DataError(
            f"confidences have shape {confidence.shape} for {len(user_ids)} users and "
            f"{len(track_ids)} tracks; build them from the same tables"
        )
    if confidence.nnz == 0:
        raise DataError("there are no plays to factorise; import listening events first")
    heard = np.diff(confidence.tocsc().indptr)
    ridge = ridge_of(config, len(user_ids), int(np.count_nonzero(heard)))
    told = progress or (lambda _done, _total: None)
    threads = config.num_threads or os.cpu_count() or 1
    # Rows are the threads' work; a BLAS team under each of them is many times slower.
    with threadpool_limits(limits=1, user_api="blas"):
        by = _by_implicit if config.frequency == 0 else _by_exact_sweeps
        tracks = by(confidence, ridge, config, threads, seed, told)
        of_users = ridge.of_user(np.diff(confidence.indptr))
        users = solve_side(confidence, tracks, of_users, threads)
    return AlsFactors(
        user_ids=user_ids,
        track_ids=track_ids,
        users=users,
        tracks=tracks,
        ridge=ridge,
        confidence=config.confidence,
    )


def _by_implicit(
    confidence: sparse.csr_matrix,
    ridge: Ridge,
    config: AlsConfig,
    threads: int,
    seed: int,
    told: Callable[[int, int], None],
) -> NDArray[np.float32]:
    """Return the tracks' factors; three steps of conjugate gradients a row and sweep.

    Source:
        Takács, Pilászy and Tikk, "Applications of the Conjugate Gradient Method for Implicit
        Feedback Collaborative Filtering", 2011.
    """
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=config.dim,
        regularization=ridge.weight,
        iterations=config.iterations,
        num_threads=threads,
        random_state=np.random.default_rng(seed),
    )
    model.fit(
        confidence,
        show_progress=False,
        callback=lambda done, *_: told(done + 1, config.iterations),
    )
    factors: NDArray[np.float32] = model.item_factors
    factors[np.diff(confidence.tocsc().indptr) == 0] = 0.0  # implicit leaves them as drawn
    return factors


def _by_exact_sweeps(
    confidence: sparse.csr_matrix,
    ridge: Ridge,
    config: AlsConfig,
    threads: int,
    seed: int,
    told: Callable[[int, int], None],
) -> NDArray[np.float32]:
    """Return the tracks' factors; every row of every sweep solved exactly, under its own ridge."""
    by_track = confidence.T.tocsr()
    of_users = ridge.of_user(np.diff(confidence.indptr))
    of_tracks = ridge.of_track(np.diff(by_track.indptr))
    shape = (confidence.shape[1], config.dim)
    tracks = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    tracks *= START / np.sqrt(config.dim)
    for sweep in range(config.iterations):
        users = solve_side(confidence, tracks, of_users, threads)
        tracks = solve_side(by_track, users, of_tracks, threads)
        told(sweep + 1, config.iterations)
    return tracks
