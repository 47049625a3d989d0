"""How well a ranked list finds what a listener went on to choose.

Every function takes `hits` (k,) bool, whether each ranked track was relevant, best first, and
`n_relevant`, how many there were to find.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]


def ndcg(hits: Hits, n_relevant: int, k: int) -> float:
    """Return the normalised discounted cumulative gain of the first k, in [0, 1].

    Source:
        Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002; the
        ideal list holds min(k, n_relevant) relevant tracks.
    """
    if n_relevant == 0:
        return float("nan")
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    first = hits[:k]
    return float(first @ discounts[: first.size] / discounts[: min(k, n_relevant)].sum())


def recall(hits: Hits, n_relevant: int, k: int) -> float:
    """Return the share of the relevant tracks that stand in the first k."""
    return float(hits[:k].sum() / n_relevant) if n_relevant else float("nan")


def reciprocal_rank(hits: Hits, n_relevant: int) -> float:
    """Return 1 / (rank of the first relevant track, from 1), 0 where none was found."""
    if n_relevant == 0:
        return float("nan")
    found = np.flatnonzero(hits)
    return float(1.0 / (found[0] + 1)) if found.size else 0.0
