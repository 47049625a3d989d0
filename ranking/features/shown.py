"""Counts of slots and of what followed them, by any mix of keys, before any moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from core.ids import Ids
from ranking.features.batch import Offered, Requests
from ranking.model import Floats, Rows

OUTCOMES = ("play", "finish", "skip", "like")
"""Counted beside the slots; a like, save, share or follow is a like here."""
COUNTED = ("slots", *OUTCOMES)
KEYS = ("track", "creator", "length", "tag", "listener", "surface")
_TIME_BITS = 42  # UTC milliseconds until 2109
_KEY_BITS = 31
MANY = 2048  # from so many on, sorting them first costs less than it saves


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Slots and outcomes by their keys, all of length m; -1 where a key is not known.

    Args:
        at_ms: (m,) when each became known.
        keys: Key of `KEYS` → (m,) number.
    """

    at_ms: NDArray[np.int64]
    keys: Mapping[str, Rows]


@dataclass(frozen=True, slots=True, eq=False)
class TrackKeys:
    """The keys that follow from a track alone.

    Args:
        creators: (n_tracks,) creator rows; -1 where not known.
        lengths: (n_tracks,) class of length; -1 where not known.
        tags: (n_tracks,) column of the rarest tag; -1 where there is none.
    """

    creators: Rows
    lengths: Rows
    tags: Rows

    def of(self, rows: Rows) -> dict[str, Rows]:
        """Return the keys of tracks by row."""
        return {
            "track": rows,
            "creator": self.creators[rows],
            "length": self.lengths[rows],
            "tag": self.tags[rows],
        }


class _Index(NamedTuple):
    """One grouping's entries in order of group and time, with running totals."""

    groups: NDArray[np.int64]
    starts: Rows
    times: NDArray[np.int64]
    totals: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ShownRates:
    """A log of slots and outcomes that answers how many there were.

    Args:
        listeners: Ids ↔ numbers.
        surfaces: Names ↔ numbers.
        entries: One a slot, and one an outcome.
        weights: (1 + outcomes, m) how many slots, then how many of each outcome, an entry adds.
        refresh_ms: Counts are those at the last multiple of it, as a service sees them that is
            trained so often; 0 counts up to the moment itself.
    """

    listeners: Ids
    surfaces: Ids
    entries: Entries
    weights: Floats
    refresh_ms: int = 0
    _indices: dict[tuple[str, ...], _Index] = field(default_factory=dict, init=False, repr=False)

    def asked(self, requests: Requests, offered: Offered, tracks: TrackKeys) -> Entries:
        """Return the keys and moments of candidates.

        Args:
            requests: Whose.
            offered: The candidates.
            tracks: In catalogue rows.
        """
        owners, now_ms = offered.owners, requests.now_ms
        if self.refresh_ms:
            now_ms = now_ms - now_ms % self.refresh_ms
        listeners = self.listeners.rows(requests.user_ids)
        surfaces = self.surfaces.rows(requests.surfaces)
        own = {"listener": listeners[owners], "surface": surfaces[owners]}
        return Entries(now_ms[owners], {**tracks.of(offered.rows), **own})

    def counts(
        self, parts: tuple[str, ...], asked: Entries
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (n,) slots and (outcomes, n) outcomes before each moment in each one's group.

        Args:
            parts: The keys that make a group; none is everything.
            asked: Whose groups and moments; what lacks a key stands in an empty group.
        """
        index = self._index(parts)
        codes = _codes(parts, asked)
        if not index.groups.size:
            return np.zeros(codes.size), np.zeros((len(OUTCOMES), codes.size))
        place = np.minimum(_sought(index.groups, codes), index.groups.size - 1)
        found = (codes >= 0) & (index.groups[place] == codes)
        high = _sought(index.times, (place << _TIME_BITS) | asked.at_ms)
        counted = index.totals[high] - index.totals[index.starts[place]]
        counted[~found] = 0.0
        return counted[:, 0], counted[:, 1:].T

    def compacted(self, before_ms: int) -> ShownRates:
        """Return what is counted from a moment on, without the history: one entry a group.

        Args:
            before_ms: Entries at or after it are dropped.
        """
        kept = self.entries.at_ms < before_ms
        keys = {name: self.entries.keys[name][kept] for name in KEYS}
        weights = dict(zip(COUNTED, self.weights[:, kept].astype(np.float64), strict=True))
        groups = pl.DataFrame({**keys, **weights}).group_by(KEYS).sum().sort(KEYS)
        entries = Entries(
            np.zeros(groups.height, dtype=np.int64),
            {name: groups[name].to_numpy() for name in KEYS},
        )
        return replace(
            self, entries=entries, weights=groups.select(COUNTED).to_numpy().T.astype(np.float32)
        )

    def _index(self, parts: tuple[str, ...]) -> _Index:
        if parts not in self._indices:  # two threads may both build it; they build the same
            self._indices[parts] = self._indexed(parts)
        return self._indices[parts]

    def _indexed(self, parts: tuple[str, ...]) -> _Index:
        codes = _codes(parts, self.entries)
        groups, numbers = np.unique(codes, return_inverse=True)
        times = (numbers.astype(np.int64) << _TIME_BITS) | self.entries.at_ms
        order = np.argsort(times)
        totals = np.zeros((order.size + 1, len(self.weights)))
        np.cumsum(self.weights[:, order].T, axis=0, dtype=np.float64, out=totals[1:])
        starts = np.searchsorted(times[order], np.arange(groups.size) << _TIME_BITS)
        return _Index(groups, starts, times[order], totals)


def no_shown() -> ShownRates:
    """Return the log of a catalogue of which nothing was shown."""
    nothing = Entries(np.empty(0, np.int64), {key: np.empty(0, np.int64) for key in KEYS})
    return ShownRates(Ids(()), Ids(()), nothing, np.zeros((1 + len(OUTCOMES), 0), np.float32))


def track_keys(creator_rows: Rows, duration_ms: Floats, tags: sp.csr_matrix) -> TrackKeys:
    """Return the keys of a catalogue's tracks.

    Args:
        creator_rows: (n,) -1 where not known.
        duration_ms: (n,) NaN where not known.
        tags: (n, n_tags) csr, weighed by how rare a tag is.
    """
    rarest = np.full(tags.shape[0], -1, dtype=np.int64)
    owners = np.repeat(np.arange(tags.shape[0]), np.diff(tags.indptr))
    order = np.lexsort((-tags.indices, tags.data, owners))  # the rarest of each track comes last
    rarest[owners[order]] = tags.indices[order]
    return TrackKeys(creator_rows, length_classes(duration_ms), rarest)


def length_classes(duration_ms: Floats) -> Rows:
    """Return (n,) the class of each length in half powers of two of a second; -1 where unknown."""
    known = duration_ms > 0
    seconds = np.where(known, duration_ms, 1000.0) / 1000.0
    return np.where(known, np.round(2 * np.log2(1.0 + seconds)), -1).astype(np.int64)


def _sought(ascending: NDArray[np.int64], wanted: NDArray[np.int64]) -> Rows:
    """Return (n,) where each wanted number would stand.

    Many are sought in ascending order: a search then walks on instead of jumping about in memory.
    """
    if wanted.size < MANY:
        return np.searchsorted(ascending, wanted)
    order = np.argsort(wanted)
    found = np.empty(order.size, dtype=np.int64)
    found[order] = np.searchsorted(ascending, wanted[order])
    return found


def _codes(parts: tuple[str, ...], entries: Entries) -> NDArray[np.int64]:
    """Return one number a group; -1 where a key is not known."""
    codes = np.zeros(entries.at_ms.size, dtype=np.int64)
    known = np.ones(codes.size, dtype=np.bool_)
    for part in parts:
        codes = (codes << _KEY_BITS) | np.maximum(entries.keys[part], 0)
        known &= entries.keys[part] >= 0
    return np.where(known, codes, -1)
