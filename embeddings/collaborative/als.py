"""Fitting ALS factors: alternating exact least squares over listeners and tracks."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from core.errors import DataError
from embeddings.collaborative.factors import AlsConfig, AlsFactors, ridge_of
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
    by_track = confidence.T.tocsr()
    heard = np.diff(by_track.indptr)
    ridge = ridge_of(config, len(user_ids), int(np.count_nonzero(heard)))
    of_users, of_tracks = ridge.of_user(np.diff(confidence.indptr)), ridge.of_track(heard)
    threads = config.num_threads or os.cpu_count() or 1
    rng = np.random.default_rng(seed)
    tracks = rng.standard_normal((len(track_ids), config.dim), dtype=np.float32)
    tracks *= START / np.sqrt(config.dim)
    # Blocks are the threads' work; a BLAS team under each of them is many times slower.
    with threadpool_limits(limits=1, user_api="blas"):
        for sweep in range(config.iterations):
            users = solve_side(confidence, tracks, of_users, threads)
            tracks = solve_side(by_track, users, of_tracks, threads)
            if progress is not None:
                progress(sweep + 1, config.iterations)
        users = solve_side(confidence, tracks, of_users, threads)
    return AlsFactors(
        user_ids=user_ids,
        track_ids=track_ids,
        users=users,
        tracks=tracks,
        ridge=ridge,
        confidence=config.confidence,
    )
