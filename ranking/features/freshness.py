"""How new a candidate is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.events import DAY_MS
from ranking.catalogue import Status
from ranking.features.batch import Offered, Requests
from ranking.model import UNKNOWN_TIME_MS, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Freshness:
    """Days since release and whether the track is on trial.

    Args:
        released_at_ms: (n_tracks,); `UNKNOWN_TIME_MS` where not known.
        statuses: (n_tracks,) `Status`.
    """

    released_at_ms: NDArray[np.int64]
    statuses: NDArray[np.int8]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("age_days", "on_trial")

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 2); age is NaN where the release is not known, never negative."""
        released = self.released_at_ms[offered.rows]
        age = np.maximum((requests.now_ms[offered.owners] - released) / DAY_MS, 0.0)
        age[released == UNKNOWN_TIME_MS] = np.nan
        trial = self.statuses[offered.rows] == Status.TRIAL
        return np.column_stack([age, trial]).astype(np.float32)
