"""Liking where nobody recorded what was heard out: how sure ALS is that a track would be played."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from core.randomness import derive_seed, generator
from embeddings.collaborative.als import fit_als
from embeddings.collaborative.confidence import confidence
from embeddings.collaborative.factors import AlsConfig
from pipelines.supply.demand.liking import Liking, Pairs

HELD_OUT = 0.1  # share of the pairs by which it is told what a well-liked track scores


def played_liking(pairs: Pairs, n_tracks: int, config: AlsConfig, seed: int) -> Liking:
    """Learn from play counts alone.

    Args:
        pairs: What u listeners played; what they heard out is not read.
        n_tracks: How many tracks there are.
        config: Of the factors.
        seed: Decides what is held out and where the factors start.

    Returns:
        The liking; `good` is what half of the held-out favourites reach, so a track is well liked
        that is expected as much as a track that was in fact played. Scaled so that it is a half.
    """
    users = pairs.starts.size - 1
    counts = sp.csr_matrix((pairs.plays, pairs.tracks, pairs.starts), shape=(users, n_tracks))
    held = generator(seed, "held out").random(pairs.plays.size) < HELD_OUT
    known = counts.copy()
    known.data = np.where(held, 0.0, known.data).astype(np.float32)
    known.eliminate_zeros()
    names = tuple(map(str, range(users))), tuple(map(str, range(n_tracks)))
    weights = confidence(known, config.confidence)
    factors = fit_als(weights, *names, config, derive_seed(seed, "als"))
    rows, tracks = pairs.listeners[held], pairs.tracks[held]
    scores = np.einsum("ij,ij->i", factors.users[rows], factors.tracks[tracks])
    typical = max(float(np.median(scores)) if scores.size else 1.0, 1e-6)
    return Liking(factors.users, (factors.tracks * (0.5 / typical)).astype(np.float32), good=0.5)
