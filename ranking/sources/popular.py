"""Offers what most listeners play now."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ranking.learned import TrackStatistics
from ranking.model import NO_ROWS, Candidates, FeedQuery, Rows, one_source
from ranking.sources.shelf import Shelf


class PopularConfig(BaseModel):
    """How many popular tracks are offered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=100, ge=0, le=5000)
    """Tracks offered to one page."""
    skip_heard: bool = True
    """Whether to leave out what the filters would drop as heard, so that it takes no place."""


@dataclass(frozen=True, slots=True, eq=False)
class PopularSource:
    """Tracks by recent plays, the same order for everyone.

    Args:
        shelf: What may be offered.
        statistics: How tracks fared.
        config: Limits.
    """

    shelf: Shelf
    statistics: TrackStatistics
    config: PopularConfig
    name: str = "popular"
    order: Rows = field(init=False)

    def __post_init__(self) -> None:
        # Sorted once: a request then costs its own limit, not the catalogue.
        object.__setattr__(self, "order", np.argsort(-self.statistics.recent, kind="stable"))

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        """Return the most played tracks that may be offered."""
        skipped = self.shelf.skipped(query) if self.config.skip_heard else NO_ROWS
        rows = self._first(query, skipped, max(limit, 0))
        return one_source(self.name, rows, self.statistics.recent[rows])

    def _first(self, query: FeedQuery, skipped: Rows, limit: int) -> Rows:
        offered = self.shelf.open_to(query)
        reach = 2 * (limit + int(skipped.size))
        while True:
            head = self.order[:reach]
            rows = head[offered[head]]
            rows = rows[~np.isin(rows, skipped)] if skipped.size else rows
            if rows.size >= limit or reach >= self.order.size:
                return rows[:limit]
            reach *= 4
