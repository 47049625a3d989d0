"""What kind of listener asks, the same in every row, and how a candidate stands to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.features.batch import Offered, Requests
from ranking.learned import TrackStatistics
from ranking.model import Floats


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

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 6); shares and taste are NaN for a listener who has done nothing."""
        owners = offered.owners
        plays = requests.totals(requests.plays)
        liked = requests.weights > 0
        reach = np.log1p(self.statistics.listeners)
        taste = requests.totals(np.where(liked, reach[requests.rows], 0.0))
        mainstream = _share(taste, requests.totals(liked))
        habits = np.column_stack(
            [
                np.log1p(np.diff(requests.starts)),
                np.log1p(plays),
                _share(requests.totals(requests.finishes), plays),
                _share(requests.totals(requests.skips), plays),
                mainstream,
            ]
        )
        gap = reach[offered.rows] - mainstream[owners]
        return np.column_stack([habits[owners], gap]).astype(np.float32)


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return part / whole, NaN where there is nothing to share."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
