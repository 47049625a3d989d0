"""Choice: drawing pages from weights, with the probability of what was drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def race(weights: Floats, size: int, rng: np.random.Generator) -> Rows:
    """Draw tracks without replacement, each time in proportion to the weights that are left.

    Args:
        weights: (a, n) not negative; 0 is never drawn.
        size: Draws a row, k.
        rng: Source of chance.

    Returns:
        (a, min(k, n)) columns in the order drawn; -1 where a row has no weight left.

    Source:
        Efraimidis & Spirakis (2006), "Weighted random sampling with a reservoir": the first
        arrivals of exponential clocks are a sample of this kind.
    """
    size = min(size, weights.shape[1])
    clock = rng.standard_exponential(weights.shape, dtype=np.float32)
    arrival = np.divide(clock, weights, out=np.full_like(clock, np.inf), where=weights > 0)
    first = np.argpartition(arrival, size - 1, axis=1)[:, :size]
    times = np.take_along_axis(arrival, first, axis=1)
    order = np.argsort(times, axis=1, kind="stable")
    drawn = np.take_along_axis(first, order, axis=1)
    ended = np.isinf(np.take_along_axis(times, order, axis=1))
    return np.where(ended, -1, drawn)


def propensities(weights: Floats, drawn: Rows) -> Floats:
    """Return the probability of each draw of `race`, given the draws before it.

    Args:
        weights: (a, n) the weights it drew by.
        drawn: (a, k) what it drew; -1 where nothing was.

    Returns:
        (a, k) in (0, 1]; NaN where nothing was drawn.
    """
    taken = np.take_along_axis(weights, np.maximum(drawn, 0), axis=1).astype(np.float64)
    taken = np.where(drawn >= 0, taken, 0.0)
    left = weights.sum(axis=1, dtype=np.float64)[:, None] - (np.cumsum(taken, axis=1) - taken)
    chance = np.divide(taken, left, out=np.full_like(taken, np.nan), where=drawn >= 0)
    return np.asarray(np.minimum(chance, 1.0), dtype=np.float32)


def chart_weights(
    popularity: Floats, on_air: NDArray[np.bool_], power: float, exploration: float
) -> Floats:
    """Return the charts page's weights: recent plays to a power, and a share spread evenly.

    Args:
        popularity: (n,) recent plays.
        on_air: (n,) which tracks are out.
        power: Exponent on the plays.
        exploration: Share that is spread evenly, in (0, 1].

    Returns:
        (n,) summing to 1; 0 for tracks that are not out.
    """
    known = np.where(on_air, popularity, 0.0) ** power * on_air
    total = known.sum()
    even = on_air / max(1, int(on_air.sum()))
    charts = known / total if total > 0 else even
    return np.asarray((1.0 - exploration) * charts + exploration * even, dtype=np.float32)


def sought_weights(
    appeal: Floats, popularity: Floats, allowed: NDArray[np.bool_], taste: float, fame: float
) -> Floats:
    """Return how likely listeners are to seek tracks out: by appeal, and by what is talked of.

    Args:
        appeal: (a, n) at this moment.
        popularity: (n,) recent plays.
        allowed: (a, n) which tracks they can find and want at all.
        taste: Exponent on appeal.
        fame: Exponent on recent plays.

    Returns:
        (a, n) not negative, 1 at most.
    """
    logit = taste * appeal + fame * np.log1p(popularity)[None, :]
    logit = np.where(allowed, logit, -np.inf)
    highest = logit.max(axis=1, keepdims=True)
    return np.asarray(
        np.exp(logit - np.where(np.isfinite(highest), highest, 0.0)), dtype=np.float32
    )
