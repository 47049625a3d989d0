"""How the creator of a candidate fares with everybody, and how the track fares beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ranking.features.batch import Offered, Requests
from ranking.learned import TrackStatistics
from ranking.model import Floats, Rows


@dataclass(frozen=True, slots=True, eq=False)
class CreatorStanding:
    """The creator's tracks, plays and mean finish rate, and the track's share of the plays.

    Args:
        creator_rows: (n_tracks,) creator of each track; -1 where not known.
        statistics: In catalogue rows.
        totals: (n_creators, 3) tracks, plays and finishes of each creator.
    """

    creator_rows: Rows
    statistics: TrackStatistics
    totals: Floats = field(init=False)

    def __post_init__(self) -> None:
        known = self.creator_rows >= 0
        creators = self.creator_rows[known]
        plays = self.statistics.plays[known]
        parts = (np.ones_like(plays), plays, plays * self.statistics.finish_rate[known])
        sums = [np.bincount(creators, part, minlength=1) for part in parts]
        object.__setattr__(self, "totals", np.column_stack(sums).astype(np.float32))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return (
            "creator_catalogue", "creator_log_plays", "creator_finish_rate", "creator_track_share",
        )  # fmt: skip

    def describe(self, requests: Requests, offered: Offered) -> Floats:  # noqa: ARG002
        """Return (n, 4); NaN where the creator is not known or was never played."""
        creators = self.creator_rows[offered.rows]
        tracks, plays, finishes = self.totals[np.maximum(creators, 0)].T
        played = plays > 0
        nan = np.full_like(plays, np.nan)
        rate = np.divide(finishes, plays, out=nan.copy(), where=played)
        own = self.statistics.plays[offered.rows]
        share = np.divide(own, plays, out=nan, where=played)
        values = np.column_stack([np.log1p(tracks), np.log1p(plays), rate, share])
        values[creators < 0] = np.nan
        return values.astype(np.float32)
