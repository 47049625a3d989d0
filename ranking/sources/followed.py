"""Offers the newest tracks of creators the listener follows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.events import DAY_MS
from ranking.catalogue import Catalogue
from ranking.model import NO_ROWS, Candidates, FeedQuery, Rows, one_source
from ranking.sources.selection import best_of
from ranking.sources.shelf import Shelf


class FollowedConfig(BaseModel):
    """How far back, and how many of each creator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=50, ge=0, le=5000)
    """Tracks offered to one page."""
    skip_heard: bool = True
    """Whether to leave out what the filters would drop as heard, so that it takes no place."""
    per_creator: int = Field(default=20, ge=1, le=500)
    """Newest tracks of one creator that are offered at most."""
    half_life_days: float = Field(default=30.0, gt=0, le=3650)
    """Age at which the score of a track has halved."""


@dataclass(frozen=True, slots=True, eq=False)
class FollowedSource:
    """Tracks of followed creators, newest first.

    Args:
        shelf: What may be offered.
        catalogue: Who made what, and when.
        config: Reach and limits.
    """

    shelf: Shelf
    catalogue: Catalogue
    config: FollowedConfig
    name: str = "followed"
    by_creator: Rows = field(init=False)
    """(n,) rows grouped by creator, newest first."""
    starts: Rows = field(init=False)
    """(n_creators + 1,) where each creator's rows begin in `by_creator`."""

    def __post_init__(self) -> None:
        known = self.catalogue
        rows = np.lexsort((np.arange(len(known)), -known.released_at_ms, known.creator_rows))
        starts = np.searchsorted(known.creator_rows[rows], np.arange(len(known.creators) + 1))
        object.__setattr__(self, "by_creator", rows)
        object.__setattr__(self, "starts", starts)

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        """Return the followed creators' tracks, each scored by 2^(-age / half-life)."""
        offered = self.shelf.open_to(query).copy()
        if self.config.skip_heard:
            offered[self.shelf.skipped(query)] = False
        parts = [self._newest(int(creator), offered) for creator in query.listener.followed]
        rows = np.concatenate([NO_ROWS, *parts])
        age_ms = np.maximum(query.now_ms - self.catalogue.released_at_ms[rows], 0)
        scores = np.exp2(-age_ms / (self.config.half_life_days * DAY_MS))
        return one_source(self.name, *best_of(rows, scores.astype(np.float32), limit))

    def _newest(self, creator: int, offered: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Rows:
        rows = self.by_creator[self.starts[creator] : self.starts[creator + 1]]
        return np.asarray(rows[offered[rows]][: self.config.per_creator])
