"""What happened when the listener met a candidate before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.events import DAY_MS
from ranking.model import UNKNOWN_TIME_MS, Candidates, FeedQuery, Floats


@dataclass(frozen=True, slots=True)
class Repeats:
    """Plays, finishes, skips and days since of this track by this listener; times just shown."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("own_plays", "own_finishes", "own_skips", "own_days_since", "own_shown")

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:
        """Return (n, 5); days since is NaN where they never met or no time was recorded."""
        listener = query.listener
        values = np.zeros((len(candidates), len(self.names)), dtype=np.float32)
        values[:, 3] = np.nan
        order = np.argsort(listener.rows)
        ranked = listener.rows[order]
        place = np.searchsorted(ranked, candidates.rows)
        met = place < ranked.size
        met[met] = ranked[place[met]] == candidates.rows[met]
        at = order[place[met]]
        values[met, 0] = np.log1p(listener.plays[at])
        values[met, 1] = np.log1p(listener.finishes[at])
        values[met, 2] = np.log1p(listener.skips[at])
        days = (query.now_ms - listener.last_at_ms[at]) / DAY_MS
        values[met, 3] = np.where(listener.last_at_ms[at] == UNKNOWN_TIME_MS, np.nan, days)
        shown = np.isin(listener.shown_rows, candidates.rows)
        if shown.any():
            same = candidates.rows[:, None] == listener.shown_rows[shown][None, :]
            values[:, 4] = same.sum(axis=1)
        return values
