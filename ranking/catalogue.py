"""The catalogue in memory: one column a property, one row a track."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.ids import Ids
from ranking.clusters import Clusters, no_clusters
from ranking.model import Mask, Rows


class Origin(IntEnum):
    """Who made a track."""

    HUMAN = 0
    GENERATED = 1
    ASSISTED = 2


class Status(IntEnum):
    """Where a track stands in its life."""

    PENDING = 0
    TRIAL = 1
    ACTIVE = 2
    RETIRED = 3
    BLOCKED = 4


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Every track a feed may know, as columns of equal length n.

    Args:
        tracks: External ids ↔ rows.
        creators: External creator ids ↔ creator rows.
        creator_rows: (n,) who made it; -1 where not known.
        statuses: (n,) int8 `Status`.
        origins: (n,) int8 `Origin`.
        explicit: (n,) bool.
        labelled: (n,) bool: provenance is stated (always true of human tracks).
        released_at_ms: (n,) int64; 0 where not known.
        duration_ms: (n,) float32; NaN where not known.
        hidden: (n,) bool: the track, its canonical track or a parent of a remix is blocked.
        regions: Row → countries where it may be heard; a row not in it is heard everywhere.
        tags: (n, n_tags) csr float32, weights of tags; rows of unit length or empty.
        tag_names: (n_tags,) in column order.
        clusters: The tracks that hold the same recording.
    """

    tracks: Ids
    creators: Ids
    creator_rows: Rows
    statuses: NDArray[np.int8]
    origins: NDArray[np.int8]
    explicit: Mask
    labelled: Mask
    released_at_ms: NDArray[np.int64]
    duration_ms: NDArray[np.float32]
    hidden: Mask
    regions: dict[int, frozenset[str]]
    tags: sp.csr_matrix
    tag_names: tuple[str, ...]
    clusters: Clusters = field(default_factory=no_clusters)

    def __len__(self) -> int:
        return len(self.tracks)

    @property
    def servable(self) -> Mask:
        """(n,) whether a track may appear at all: active or on trial, not hidden, and no copy.

        Of the tracks that hold the same recording one may appear: the canonical one, or the first
        of the others while that one may not.
        """
        on_air = (self.statuses == Status.ACTIVE) | (self.statuses == Status.TRIAL)
        return self.clusters.without_copies(np.asarray(on_air & ~self.hidden))

    def with_statuses(self, rows: Rows, statuses: NDArray[np.int8], hidden: Mask) -> Catalogue:
        """Return a catalogue in which some tracks changed status.

        Args:
            rows: (k,) which tracks.
            statuses: (k,) their new status.
            hidden: (n,) which tracks are hidden now; their copies are hidden with them.
        """
        changed = self.statuses.copy()
        changed[rows] = statuses
        return replace(self, statuses=changed, hidden=self.clusters.with_hidden(hidden))
