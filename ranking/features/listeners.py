"""What kind of listener asks, the same in every row, and how a candidate stands to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.learned import TrackStatistics
from ranking.listeners.preference import preference_weights
from ranking.model import Candidates, FeedQuery, Floats


@dataclass(frozen=True, slots=True, eq=False)
class ListenerHabits:
    """Tracks met, plays, finish and skip shares, taste for the popular, distance from it.

    Args:
        statistics: In catalogue rows.
    """

    statistics: TrackStatistics

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return (
            "user_tracks", "user_plays", "user_finish_share", "user_skip_share",
            "user_mainstream", "mainstream_gap",
        )  # fmt: skip

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:
        """Return (n, 6); shares and taste are NaN for a listener who has done nothing."""
        listener = query.listener
        plays = float(listener.plays.sum())
        liked = preference_weights(listener) > 0
        reach = np.log1p(self.statistics.listeners)
        mainstream = float(reach[listener.rows[liked]].mean()) if liked.any() else np.nan
        habits = [
            np.log1p(listener.rows.size),
            np.log1p(plays),
            float(listener.finishes.sum()) / plays if plays else np.nan,
            float(listener.skips.sum()) / plays if plays else np.nan,
            mainstream,
        ]
        rows = np.tile(np.asarray(habits, dtype=np.float32), (len(candidates), 1))
        return np.column_stack([rows, reach[candidates.rows] - mainstream]).astype(np.float32)
