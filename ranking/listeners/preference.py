"""How much a listener likes what they met: one weight a track, the same in training and serving.

A weight counts plays. What came with them moves it: a finish says more than a play, a like more
than both, a skip takes most of its play back, and a track they turned down weighs nothing. Where
only plays are known, the weight is the plays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embeddings.collaborative.confidence import confidence_of
from embeddings.collaborative.factors import AlsFactors
from ranking.model import Floats, Listener

FINISH_BONUS = 0.5  # plays; heard to the end is half a play more than started
LIKE_BONUS = 2.0  # plays; said once, and said on purpose
SKIP_COST = 0.75  # plays; a play left early keeps a quarter: it was chosen, or offered well


def weigh(
    plays: NDArray[np.floating],
    finishes: NDArray[np.floating],
    skips: NDArray[np.floating],
    opinions: NDArray[np.int8],
) -> Floats:
    """Weigh tallies, one weight an entry.

    Args:
        plays: (n,) ≥ 0.
        finishes: (n,) ≥ 0.
        skips: (n,) ≥ 0.
        opinions: (n,) 1 liked or saved, -1 disliked or hidden, 0 neither.

    Returns:
        (n,) float32 ≥ 0, in plays; 0 where the track was turned down or nothing speaks for it.
    """
    liked = opinions > 0
    met = np.maximum(np.maximum(plays, finishes), liked)
    weight = met + FINISH_BONUS * finishes + LIKE_BONUS * liked - SKIP_COST * skips
    return np.where(opinions < 0, 0.0, np.maximum(weight, 0.0)).astype(np.float32)


def preference_weights(listener: Listener) -> Floats:
    """Weigh every track a listener met; aligned with `listener.rows`."""
    return weigh(listener.plays, listener.finishes, listener.skips, listener.opinions)


def folded_in(listener: Listener, factors: AlsFactors, emphasis: Floats | None = None) -> Floats:
    """Solve for the listener's factor as of now; zeros where nothing they met speaks for a track.

    Args:
        listener: In the catalogue rows that `factors` stands in.
        factors: Track factors.
        emphasis: (k,) how many times each of their tracks counts; None counts each once. It
            multiplies what is sure of a track beyond one never played.

    Returns:
        (dim,) float32.
    """
    weights = preference_weights(listener)
    liked = weights > 0
    sure = confidence_of(weights[liked], factors.confidence)
    if emphasis is not None:
        sure = 1.0 + (sure - 1.0) * emphasis[liked]
    return factors.fold_in(listener.rows[liked], sure)
