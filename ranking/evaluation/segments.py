"""Kinds of listeners and tracks that are judged apart from each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.events import DAY_MS
from ranking.catalogue import Catalogue, Origin
from ranking.evaluation.tables import Judged
from ranking.model import Floats, Mask, Rows

FRESH_DAYS = 7  # a week's charts have not met a track that is younger
WARM_TRACKS = 10  # with fewer, a page knows more of the crowd than of the listener
TIERS = (("top", 0.5), ("middle", 0.9), ("tail", 1.0))
"""Creators by plays, the most played first, up to these shares of all plays."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Some listeners with everything they chose, or all listeners with some of it.

    Args:
        family: What it is told by: listener, track age, origin, creator.
        name: Which of the family.
        users: The listeners; None is all of them.
        tracks: (n_tracks,) the tracks to find; None is all of them.
    """

    family: str
    name: str
    users: frozenset[str] | None = None
    tracks: Mask | None = None

    def of(self, relevant: Mapping[str, Rows]) -> dict[str, Rows]:
        """Return what is left to find, without listeners for whom nothing is.

        Lists stay whole: a model is asked to find these tracks among all others.
        """
        found = {}
        for user, rows in relevant.items():
            if self.users is not None and user not in self.users:
                continue
            left = rows if self.tracks is None else rows[self.tracks[rows]]
            if left.size:
                found[user] = left
        return found

    def share_shown(self, judged: Judged) -> float:
        """Return the share of the first slots that the segment's tracks hold; NaN of listeners."""
        if self.tracks is None:
            return float("nan")
        shown = judged.shown[judged.shown >= 0]
        return float(self.tracks[shown].mean()) if shown.size else float("nan")


def segments_of(
    catalogue: Catalogue, plays: Floats, met: Mapping[str, int], now_ms: int
) -> tuple[Segment, ...]:
    """Return every segment; one that nobody stands in is left to its reader to pass over.

    Args:
        catalogue: The tracks.
        plays: (n_tracks,) before the moment.
        met: Listener → how many tracks they had met.
        now_ms: The moment.
    """
    return (
        *_listeners(met),
        *_ages(catalogue, now_ms),
        *_origins(catalogue),
        *_tiers(catalogue, plays),
    )


def _listeners(met: Mapping[str, int]) -> tuple[Segment, ...]:
    kinds = {
        "cold (met nothing)": {user for user, tracks in met.items() if tracks == 0},
        f"new (met 1 to {WARM_TRACKS - 1})": {
            user for user, tracks in met.items() if 0 < tracks < WARM_TRACKS
        },
        f"warm (met {WARM_TRACKS} or more)": {
            user for user, tracks in met.items() if tracks >= WARM_TRACKS
        },
    }
    return tuple(Segment("listener", name, users=frozenset(who)) for name, who in kinds.items())


def _ages(catalogue: Catalogue, now_ms: int) -> tuple[Segment, ...]:
    released = catalogue.released_at_ms
    fresh = released > now_ms - FRESH_DAYS * DAY_MS
    known = released > 0
    return (
        Segment("track age", f"fresh (under {FRESH_DAYS} days)", tracks=fresh & known),
        Segment("track age", "old", tracks=~fresh & known),
        Segment("track age", "unknown", tracks=~known),
    )


def _origins(catalogue: Catalogue) -> tuple[Segment, ...]:
    return tuple(
        Segment("origin", origin.name.lower(), tracks=catalogue.origins == origin)
        for origin in Origin
    )


def _tiers(catalogue: Catalogue, plays: Floats) -> tuple[Segment, ...]:
    """Cut creators by the share of all plays that those before them have."""
    owners = catalogue.creator_rows
    known = owners >= 0
    total = np.bincount(owners[known], plays[known], minlength=len(catalogue.creators))
    found = np.where(known, np.append(creator_tiers(total.astype(np.float64)), -1)[owners], -1)
    named = [
        Segment("creator by plays", name, tracks=found == at) for at, (name, _) in enumerate(TIERS)
    ]
    return (*named, Segment("creator by plays", "unknown", tracks=~known))


def creator_tiers(plays: NDArray[np.float64]) -> Rows:
    """Return (n_creators,) the place of each in `TIERS`; of equal plays the first is the higher.

    Args:
        plays: (n_creators,) plays of their tracks.
    """
    order = np.argsort(-plays, kind="stable")
    before = np.empty(plays.size)
    before[order] = (np.cumsum(plays[order]) - plays[order]) / max(float(plays.sum()), 1.0)
    return np.searchsorted([share for _, share in TIERS[:-1]], before, side="right")
