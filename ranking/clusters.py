"""Clusters: tracks that hold the same recording, of which a listener is shown one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.ids import Ids
from ranking.model import Mask, Rows


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Every track that shares its recording with another, in order of preference.

    Args:
        members: (m,) rows; those of a cluster stand side by side, its canonical track first and
            the others by id.
        canonical: (m,) the row of the canonical track of each.
    """

    members: Rows
    canonical: Rows
    ascending: Rows = field(init=False)
    """(m,) the members by row."""
    numbers: Rows = field(init=False)
    """(m,) the cluster of each of `ascending`, from 0."""

    def __post_init__(self) -> None:
        order = np.argsort(self.members)
        _, numbers = np.unique(self.canonical[order], return_inverse=True)
        object.__setattr__(self, "ascending", self.members[order])
        object.__setattr__(self, "numbers", numbers.astype(np.int64))

    def with_copies(self, rows: Rows) -> Rows:
        """Return tracks and every other track that holds the same recording as one of them.

        What a listener did with one of them they did with the recording.

        Args:
            rows: (k,) tracks.

        Returns:
            (>= k,) rows; distinct where nothing was added, otherwise some may stand twice.
        """
        if not self.members.size or not rows.size:
            return rows
        place = np.minimum(np.searchsorted(self.ascending, rows), self.members.size - 1)
        met = self.ascending[place] == rows
        if not met.any():
            return rows
        touched = np.zeros(self.members.size, dtype=np.bool_)
        touched[self.numbers[place[met]]] = True
        return np.concatenate([rows, self.ascending[touched[self.numbers]]])

    def with_hidden(self, hidden: Mask) -> Mask:
        """Return what is hidden, and every copy of it.

        Args:
            hidden: (n,) tracks that are hidden by themselves.
        """
        spread = hidden.copy()
        spread[self.members] |= hidden[self.canonical]
        return spread

    def without_copies(self, on_air: Mask) -> Mask:
        """Return which tracks may be shown, of each cluster the first only.

        Args:
            on_air: (n,) tracks that may be shown by themselves.
        """
        shown = on_air.copy()
        shown[self.members] = False
        able = np.flatnonzero(on_air[self.members])
        _, first = np.unique(self.canonical[able], return_index=True)
        shown[self.members[able[first]]] = True
        return shown


def no_clusters() -> Clusters:
    """Return the clusters of a catalogue without copies."""
    return Clusters(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def clusters_of(ids: Ids, copies: list[tuple[str, str]]) -> Clusters:
    """Group tracks by their canonical one.

    Args:
        ids: The tracks of a catalogue; others are left out.
        copies: (track id, id of its canonical track) of each copy.
    """
    canonical_of = {track: canonical for track, canonical in copies if track != canonical}
    canonical_of |= {canonical: canonical for canonical in set(canonical_of.values())}
    pairs = sorted(
        (canonical, track != canonical, track) for track, canonical in canonical_of.items()
    )
    members = ids.rows(track for _, _, track in pairs)
    canonical = ids.rows(name for name, _, _ in pairs)
    known = (members >= 0) & (canonical >= 0)
    return Clusters(members[known], canonical[known])
