"""Clusters: tracks that hold the same recording, of which a listener is shown one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

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
    numbers: NDArray[np.int32] = field(init=False)
    """Row → its cluster from 0 up, in order of `members`; -1 where it is alone."""
    starts: Rows = field(init=False)
    """(n_clusters + 1,) where the members of each cluster begin."""

    def __post_init__(self) -> None:
        opens = np.append(True, self.canonical[1:] != self.canonical[:-1])[: self.members.size]
        numbers = np.full(int(self.members.max(initial=-1)) + 1, -1, dtype=np.int32)
        numbers[self.members] = np.cumsum(opens) - 1
        object.__setattr__(self, "numbers", numbers)
        object.__setattr__(self, "starts", np.append(np.flatnonzero(opens), self.members.size))

    def with_copies(self, rows: Rows) -> Rows:
        """Return tracks and every other track that holds the same recording as one of them.

        What a listener did with one of them they did with the recording.

        Args:
            rows: (k,) tracks, >= 0.

        Returns:
            (>= k,) rows: the given ones, then all members of the clusters they touch.
        """
        if not self.members.size:
            return rows
        found = self.numbers[rows[rows < self.numbers.size]]
        found = found[found >= 0]
        if not found.size:
            return rows
        touched = np.unique(found)
        starts = self.starts[touched]
        sizes = self.starts[touched + 1] - starts
        places = np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
        return np.concatenate([rows, self.members[places]])

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
