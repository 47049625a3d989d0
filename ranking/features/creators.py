"""What the listener has to do with the creator of a candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.features.batch import Offered, Requests, counted, summed
from ranking.model import Floats, Rows


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

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 3); NaN where the creator is not known."""
        creators, owners = self.creator_rows[offered.rows], offered.owners
        theirs = self.creator_rows[requests.rows]
        known = theirs >= 0
        asked = np.maximum(creators, 0)
        weights = requests.weights[known]
        (share, tracks) = summed(
            requests.owners[known], theirs[known], (weights, np.ones_like(weights)), owners, asked
        )
        total = np.maximum(requests.totals(requests.weights), 1.0)[owners]
        fans = np.repeat(np.arange(len(requests)), np.diff(requests.followed_starts))
        followed = counted(fans, requests.followed, owners, asked) > 0
        values = np.column_stack([share / total, tracks, followed]).astype(np.float32)
        values[creators < 0] = np.nan
        return values
