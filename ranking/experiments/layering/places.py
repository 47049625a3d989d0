"""What ranges mean for listeners: every place that a hash can give, gone through one by one.

A hash of version 2 gives one of 10,000 places. What holds for each of them holds for every
listener, however ends of ranges were rounded; so overlaps and moves are proved, not estimated.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranking.experiments.bucketing.hashing import PLACES
from ranking.experiments.bucketing.ranges import Range
from ranking.experiments.definitions.definition import Experiment, Filter

OUTSIDE = -1


def all_places(version: int) -> NDArray[np.float64]:
    """Return every place that a hash version can give, ascending; none for an unknown one."""
    n_places = PLACES.get(version, 0)
    return np.arange(n_places) / n_places if n_places else np.zeros(0)


def let_in(filters: Sequence[Filter], version: int) -> NDArray[np.bool_]:
    """Return which places every filter lets in, (n_places,).

    Args:
        filters: Filters that hash alike.
        version: How they hash.
    """
    places = all_places(version)
    inside = np.ones(len(places), dtype=bool)
    for one in filters:
        inside &= _within(places, one.ranges)
    return inside


def variations_at(experiment: Experiment) -> NDArray[np.int64]:
    """Return the variation of each place, -1 where there is none, (n_places,)."""
    places = all_places(experiment.hashed_with[1])
    chosen = np.full(len(places), OUTSIDE, dtype=np.int64)
    for variation, span in reversed(list(enumerate(experiment.spans))):  # the first one wins
        chosen[_within(places, [span])] = variation
    return chosen


def runs(inside: NDArray[np.bool_]) -> list[Range]:
    """Return the ranges that hold exactly the places which are true."""
    n_places = len(inside)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    return [(float(a) / n_places, float(b) / n_places) for a, b in edges.reshape(-1, 2)]


def told(spans: Sequence[Range]) -> str:
    """Return ranges as text for people."""
    return ", ".join(f"[{start:g}, {end:g})" for start, end in spans)


def _within(places: NDArray[np.float64], spans: Sequence[Range]) -> NDArray[np.bool_]:
    inside = np.zeros(len(places), dtype=bool)
    for start, end in spans:
        inside |= (start <= places) & (places < end)
    return inside
