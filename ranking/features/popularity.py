"""How a candidate fared with everybody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.features.batch import Offered, Requests
from ranking.learned import TrackStatistics
from ranking.model import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Popularity:
    """Plays, listeners and recent plays (logarithms), and shrunk finish, skip and like rates.

    Args:
        statistics: In catalogue rows.
    """

    statistics: TrackStatistics

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return (
            "log_plays", "log_listeners", "log_recent", "plays_per_listener",
            "finish_rate", "skip_rate", "like_rate",
        )  # fmt: skip

    def describe(self, requests: Requests, offered: Offered) -> Floats:  # noqa: ARG002
        """Return (n, 7)."""
        found, rows = self.statistics, offered.rows
        plays, listeners = found.plays[rows], found.listeners[rows]
        per_listener = np.log1p(plays / np.maximum(listeners, 1))
        return np.column_stack(
            [
                np.log1p(plays),
                np.log1p(listeners),
                np.log1p(found.recent[rows]),
                per_listener,
                found.finish_rate[rows],
                found.skip_rate[rows],
                found.like_rate[rows],
            ]
        ).astype(np.float32)
