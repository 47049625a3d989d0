"""How much two ranked lists agree, first places before all."""

from __future__ import annotations

import numpy as np

from ranking.model import Rows

PERSISTENCE = 0.9  # the reader goes on to the next place with this probability


def rank_biased_overlap(a: Rows, b: Rows, depth: int, p: float = PERSISTENCE) -> float:
    """Return the overlap of two lists, 1 where their first places are the same, 0 where disjoint.

    Args:
        a: Distinct rows, best first.
        b: Likewise.
        depth: How many places are looked at; the agreement there is taken to go on below.
        p: How patient the reader is.

    Source:
        Webber, Moffat and Zobel, "A similarity measure for indefinite rankings", TOIS 2010,
        equation 32 (extrapolated, lists of one length).
    """
    depth = min(depth, max(a.size, b.size))
    if depth == 0:
        return 1.0
    ours, theirs = a[:depth], b[:depth]
    common = np.array(
        [np.intersect1d(ours[:d], theirs[:d]).size for d in range(1, depth + 1)], dtype=np.float64
    )
    places = np.arange(1, depth + 1)
    weights = p**places
    tail = common[-1] / depth * weights[-1]
    return float(tail + (1 - p) / p * np.sum(common / places * weights))
