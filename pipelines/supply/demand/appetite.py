"""Appetite: how much of each segment listeners would hear if all were equally well supplied.

What is played shows the supply as much as the wish for it: nobody plays much of what hardly exists.
So the choice between segments is modelled as a logit of how well a segment is liked, with the
number of its tracks as what it is due to supply; taking that number out leaves the appetite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from pipelines.supply.demand.liking import Liking, Pairs
from ranking.model import Floats, Rows

SHARPEST, DULLEST = 0.02, 2.0  # temperatures in units of liking
FITTED_ON = 20_000  # listeners; the temperature is one number


@dataclass(frozen=True, slots=True, eq=False)
class Appetite:
    """Whom segments would feed.

    Args:
        liking: (u, k) mean liking of a segment's tracks.
        shares: (u, k) of each listener's tracks, rows sum to 1.
        temperature: Difference of liking that makes a segment e times as likely to be chosen.
    """

    liking: Floats
    shares: Floats
    temperature: float


def appetite(liking: Liking, pairs: Pairs, members: Rows, count: int) -> Appetite:
    """Return how listeners would divide what they hear among equally supplied segments.

    Args:
        liking: Of u listeners and n tracks.
        pairs: What they played.
        members: (n,) segment of each track, or negative.
        count: Segments, k ≥ 1.

    Source:
        McFadden (1974), "Conditional logit analysis of qualitative choice behavior"; the number of
        tracks as an offset is that of aggregated alternatives (McFadden 1978, section 5).
    """
    inside = members >= 0
    sizes = np.bincount(members[inside], minlength=count).astype(np.float64)
    sums = np.zeros((count, liking.tracks.shape[1]))
    np.add.at(sums, members[inside], liking.tracks[inside])
    means = (sums / np.maximum(sizes, 1.0)[:, None]).astype(np.float32)
    liked = liking.listeners @ means.T
    temperature = _temperature(liked, _plays(pairs, members, count), sizes)
    return Appetite(liked, shares_of(liked, temperature), temperature)


def shares_of(liked: Floats, temperature: float) -> Floats:
    """Return (u, k) the softmax of liking."""
    raised = liked / np.float32(temperature)
    raised -= raised.max(axis=1, keepdims=True)
    np.exp(raised, out=raised)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)


def _plays(pairs: Pairs, members: Rows, count: int) -> NDArray[np.float64]:
    """Return (u', k) plays of the first listeners, by segment."""
    users = min(pairs.starts.size - 1, FITTED_ON)
    last = int(pairs.starts[users])
    segment = members[pairs.tracks[:last]]
    inside = segment >= 0
    cell = pairs.listeners[:last][inside] * count + segment[inside]
    counted = np.bincount(cell, pairs.plays[:last][inside], users * count)
    return np.asarray(counted.reshape(users, count))


def _temperature(liked: Floats, plays: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    """Return the temperature under which the plays are most likely."""
    own = liked[: len(plays)].astype(np.float64)
    offset = np.log(np.maximum(sizes, 1e-9))

    def unlikelihood(log_temperature: float) -> float:
        raised = own / np.exp(log_temperature) + offset
        highest = raised.max(axis=1, keepdims=True)
        total = highest[:, 0] + np.log(np.exp(raised - highest).sum(axis=1))
        return float((plays.sum(axis=1) * total).sum() - (plays * raised).sum())

    bounds = (np.log(SHARPEST), np.log(DULLEST))
    return float(np.exp(minimize_scalar(unlikelihood, bounds=bounds, method="bounded").x))
