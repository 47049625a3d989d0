"""How much of a candidate, or of its creator, the listener has had lately."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.events import DAY_MS
from ranking.features.batch import Offered, Requests, counted
from ranking.model import Floats, Rows


@dataclass(frozen=True, slots=True, eq=False)
class Fatigue:
    """Slots of late, the creator's among them, the creator's tracks met today, and all of today's.

    Args:
        creator_rows: (n_tracks,) creator of each track; -1 where not known.
    """

    creator_rows: Rows

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("shown_lately", "creator_shown_lately", "creator_met_today", "met_today")

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 4); the creator's are NaN where the creator is not known."""
        owners, creators = offered.owners, self.creator_rows[offered.rows]
        asked = np.maximum(creators, 0)
        viewers = np.repeat(np.arange(len(requests)), np.diff(requests.shown_starts))
        shown = self.creator_rows[requests.shown_rows]
        today = requests.now_ms[requests.owners] - requests.last_at_ms <= DAY_MS
        met = today & (self.creator_rows[requests.rows] >= 0)
        values = np.column_stack(
            [
                np.log1p(np.diff(requests.shown_starts))[owners],
                counted(viewers[shown >= 0], shown[shown >= 0], owners, asked),
                counted(requests.owners[met], self.creator_rows[requests.rows[met]], owners, asked),
                np.log1p(requests.totals(today))[owners],
            ]
        ).astype(np.float32)
        values[creators < 0, 1:3] = np.nan
        return values
