"""Fitting ALS factors with `implicit`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from core.errors import DataError
from embeddings.collaborative.factors import AlsConfig, AlsFactors

__all__ = ["AlsConfig", "fit_als"]


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
        The factors.

    Raises:
        DataError: If the matrix is empty or does not fit the ids.

    Source:
        Hu, Koren and Volinsky 2008; Takács, Pilászy and Tikk, "Applications of the Conjugate
        Gradient Method for Implicit Feedback Collaborative Filtering", 2011.
    """
    if confidence.shape != (len(user_ids), len(track_ids)):
        raise DataError(
            f"confidences have shape {confidence.shape} for {len(user_ids)} users and "
            f"{len(track_ids)} tracks; build them from the same tables"
        )
    if confidence.nnz == 0:
        raise DataError("there are no plays to factorise; import listening events first")
    # implicit runs its own threads over rows; a BLAS team under each of them is ten times slower.
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=config.dim,
            regularization=config.regularization,
            iterations=config.iterations,
            use_cg=not config.exact,
            num_threads=config.num_threads,
            random_state=np.random.default_rng(seed),
        )
        model.fit(confidence, show_progress=False, callback=_told(progress, config.iterations))
    return AlsFactors(
        user_ids=user_ids,
        track_ids=track_ids,
        users=model.user_factors,
        tracks=model.item_factors,
        regularization=config.regularization,
        confidence=config.confidence,
    )


def _told(
    progress: Callable[[int, int], None] | None, total: int
) -> Callable[[int, float, float | None], None] | None:
    if progress is None:
        return None

    def told(iteration: int, elapsed_s: float, loss: float | None) -> None:
        del elapsed_s, loss  # implicit passes them; the caller counts iterations
        progress(iteration + 1, total)

    return told
