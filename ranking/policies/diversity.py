"""Trades a little score for tracks that sound unlike those already on the page."""

from __future__ import annotations

import numpy as np

from ranking.model import Floats

SCALE_SLOTS = 4  # pages; what the score of the last of these many slots lies below the best is 1


def relevance(scores: Floats, size: int) -> Floats:
    """Scale scores so that 1 is the best and 0 the last that could matter for a page.

    Cosines lie in a known range and scores do not; the spread over the few pages' worth of tracks
    that compete for the slots makes the two comparable, whatever outliers stand at the bottom.

    Args:
        scores: (n,) best first.
        size: Slots of the page.

    Returns:
        (n,) float32, ≤ 1, in the same order; all 1 where the scores do not differ.
    """
    if not scores.size:
        return scores
    low = scores[min(SCALE_SLOTS * size, scores.size) - 1]
    spread = max(float(scores[0] - low), np.finfo(np.float32).tiny)
    return np.asarray(1.0 - (scores[0] - scores.astype(np.float64)) / spread, dtype=np.float32)


def marginal(relevant: Floats, nearest: Floats, weight: float) -> Floats:
    """Return maximal marginal relevance: (1 - λ) relevance - λ cosine to the nearest placed track.

    Args:
        relevant: (n,) from `relevance`.
        nearest: (n,) largest cosine to a track on the page; 0 while the page is empty.
        weight: λ in [0, 1]; 0 keeps the order of the scores.

    Source:
        Carbonell and Goldstein, "The use of MMR, diversity-based reranking", 1998.
    """
    if weight == 0:
        return relevant
    return np.asarray((1.0 - weight) * relevant - weight * nearest, dtype=np.float32)
