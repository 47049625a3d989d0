"""Cutting labelled tracks into folds, so that no label is both trained on and measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.audio_evaluation.labels import UNLABELLED

JITTER = 1.25  # sizes are equal up to this when labels queue for a fold


def label_folds(
    codes: NDArray[np.int64], n_folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Deal whole labels out to folds of nearly equal size.

    The largest labels are dealt first, each to the fold that has fewest tracks. Sizes are jittered
    in that order: otherwise the largest labels would stand together whatever the seed.

    Args:
        codes: (n,) label of each track, `UNLABELLED` where it has none: such a track is a label of
            its own.
        n_folds: Folds wanted.
        rng: Breaks ties, and jitters.

    Returns:
        (n,) the fold of each track, from 0.
    """
    groups = _groups(codes)
    sizes = np.bincount(groups)
    queue = np.argsort(-sizes * rng.uniform(1 / JITTER, JITTER, sizes.size), kind="stable")
    loads = np.zeros(n_folds, dtype=np.int64)
    fold_of = np.empty(sizes.size, dtype=np.int64)
    for group in queue:
        lightest = np.flatnonzero(loads == loads.min())
        fold_of[group] = rng.choice(lightest)
        loads[fold_of[group]] += sizes[group]
    return fold_of[groups]


def _groups(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    alone = np.flatnonzero(codes == UNLABELLED)
    groups = codes.copy()
    groups[alone] = codes.max(initial=UNLABELLED) + 1 + np.arange(alone.size)
    _, dense = np.unique(groups, return_inverse=True)
    return dense.astype(np.int64)
