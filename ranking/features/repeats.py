"""What happened when the listener met a candidate before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.events import DAY_MS
from ranking.features.batch import Offered, Requests, counted
from ranking.model import UNKNOWN_TIME_MS, Floats


@dataclass(frozen=True, slots=True)
class Repeats:
    """Plays, finishes, skips and days since of this track by this listener; times just shown."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("own_plays", "own_finishes", "own_skips", "own_days_since", "own_shown")

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 5); days since is NaN where they never met or no time was recorded."""
        values = np.zeros((len(offered), len(self.names)), dtype=np.float32)
        values[:, 3] = np.nan
        owners, place = offered.owners, requests.met(offered)
        met = place >= 0
        at = place[met]
        values[met, 0] = np.log1p(requests.plays[at])
        values[met, 1] = np.log1p(requests.finishes[at])
        values[met, 2] = np.log1p(requests.skips[at])
        last_at_ms = requests.last_at_ms[at]
        days = (requests.now_ms[owners[met]] - last_at_ms) / DAY_MS
        values[met, 3] = np.where(last_at_ms == UNKNOWN_TIME_MS, np.nan, days)
        viewers = np.repeat(np.arange(len(requests)), np.diff(requests.shown_starts))
        values[:, 4] = counted(viewers, requests.shown_rows, owners, offered.rows)
        return values
