"""When a page is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.events import DAY_MS
from ranking.features.batch import Offered, Requests
from ranking.model import Floats

WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Context:
    """Hour of the day and day of the week, UTC, as points on circles."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("hour_sin", "hour_cos", "week_sin", "week_cos")

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 4), the same in every row of a request."""
        hour = 2 * np.pi * (requests.now_ms % DAY_MS) / DAY_MS
        week = 2 * np.pi * (requests.now_ms % WEEK_MS) / WEEK_MS
        angles = np.column_stack([np.sin(hour), np.cos(hour), np.sin(week), np.cos(week)])
        return angles.astype(np.float32)[offered.owners]
