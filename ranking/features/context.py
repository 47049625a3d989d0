"""When a page is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.events import DAY_MS
from ranking.model import Candidates, FeedQuery, Floats

WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Context:
    """Hour of the day and day of the week, UTC, as points on circles."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("hour_sin", "hour_cos", "week_sin", "week_cos")

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:
        """Return (n, 4), the same in every row."""
        hour = 2 * np.pi * (query.now_ms % DAY_MS) / DAY_MS
        week = 2 * np.pi * (query.now_ms % WEEK_MS) / WEEK_MS
        angles = [np.sin(hour), np.cos(hour), np.sin(week), np.cos(week)]
        return np.tile(np.asarray(angles, dtype=np.float32), (len(candidates), 1))
