"""What the listener has to do with the creator of a candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.listeners.preference import preference_weights
from ranking.model import Candidates, FeedQuery, Floats, Rows


@dataclass(frozen=True, slots=True, eq=False)
class CreatorAffinity:
    """Share of the listener's plays that went to the creator, tracks known, and following.

    Args:
        creator_rows: (n_tracks,) creator of each track; -1 where not known.
    """

    creator_rows: Rows

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("creator_share", "creator_tracks", "creator_followed")

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:
        """Return (n, 3); NaN where the creator is not known."""
        creators = self.creator_rows[candidates.rows]
        mine = self.creator_rows[query.listener.rows]
        weights = np.maximum(preference_weights(query.listener), 0.0)
        same = creators[:, None] == mine[None, :]
        total = max(float(weights.sum()), 1.0)
        values = np.column_stack(
            [
                same @ weights / total,
                same.sum(axis=1),
                np.isin(creators, query.listener.followed),
            ]
        ).astype(np.float32)
        values[creators < 0] = np.nan
        return values
