"""What a set of lists does to the catalogue: how much of it is shown, and how little known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.model import Floats, Rows


def coverage(lists: Rows, n_tracks: int) -> float:
    """Return the share of the catalogue that stands in at least one list.

    Args:
        lists: Rows shown, any shape; -1 where a list was short.
        n_tracks: Size of the catalogue.
    """
    if n_tracks == 0:
        return 0.0
    shown = np.zeros(n_tracks + 1, dtype=bool)
    shown[lists.ravel()] = True  # -1 marks the extra last place
    return float(shown[:-1].sum() / n_tracks)


def coverage_without(lists: Rows, n_tracks: int) -> NDArray[np.float64]:
    """Return (n_users,) the coverage that would be left without each listener's list.

    Args:
        lists: (n_users, k) distinct rows shown to each; -1 where a list was short.
        n_tracks: Size of the catalogue.
    """
    times = np.bincount(lists[lists >= 0], minlength=n_tracks)
    only_here = (lists >= 0) & (times[lists] == 1)
    left = np.count_nonzero(times) - only_here.sum(axis=1)
    return np.asarray(left / max(n_tracks, 1), dtype=np.float64)


def surprisal(listeners: Floats, n_users: int) -> NDArray[np.float64]:
    """Return how surprising each track is, in bits: -log2 of its share of listeners.

    A track nobody has heard counts as heard by half a listener.

    Source:
        Vargas and Castells, "Rank and relevance in novelty and diversity metrics", 2011.
    """
    share = np.maximum(np.asarray(listeners, dtype=np.float64), 0.5) / max(n_users, 1)
    return -np.log2(np.minimum(share, 1.0))


def novelty(ranked: Rows, bits: NDArray[np.float64]) -> float:
    """Return the mean surprisal of one list, in bits."""
    shown = ranked[ranked >= 0]
    return float(bits[shown].mean()) if shown.size else float("nan")
