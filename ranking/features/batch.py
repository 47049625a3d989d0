"""Many requests side by side: the form in which features read them, one request or thousands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ranking.listeners.preference import weigh
from ranking.model import Candidates, FeedQuery, Floats, Rows


@dataclass(frozen=True, eq=False)
class Requests:
    """What was known of the listener of each request: their columns end to end.

    Args:
        user_ids: (r,) who asked.
        now_ms: (r,) when each request was made.
        surfaces: (r,) where each page is shown.
        starts: (r + 1,) where each listener's tracks begin.
        rows: (k,) catalogue rows, latest first within a listener; columns as `Listener` has them.
        plays: (k,).
        finishes: (k,).
        skips: (k,).
        opinions: (k,) int8.
        last_at_ms: (k,).
        followed_starts: (r + 1,) where the creators that each follows begin.
        followed: Creator rows.
        shown_starts: (r + 1,) where the slots on each listener's recent pages begin.
        shown_rows: Catalogue rows.
        shown_at_ms: When each was shown.
    """

    user_ids: tuple[str, ...]
    now_ms: NDArray[np.int64]
    surfaces: tuple[str, ...]
    starts: Rows
    rows: Rows
    plays: Floats
    finishes: Floats
    skips: Floats
    opinions: NDArray[np.int8]
    last_at_ms: NDArray[np.int64]
    followed_starts: Rows
    followed: Rows
    shown_starts: Rows
    shown_rows: Rows
    shown_at_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.now_ms.size)

    @cached_property
    def owners(self) -> Rows:
        """(k,) the request of each track that was met."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @cached_property
    def weights(self) -> Floats:
        """(k,) how much the listener likes each track; see `ranking.listeners.preference`."""
        return weigh(self.plays, self.finishes, self.skips, self.opinions)

    def totals(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return (r,) the sum of (k,) values over each listener's tracks."""
        totals = np.bincount(self.owners, values.astype(np.float64), minlength=len(self))
        return totals.astype(np.float64, copy=False)  # of nothing numpy counts in whole numbers

    def latest(self, wanted: NDArray[np.bool_], limit: int) -> Rows:
        """Return where the latest `limit` wanted tracks of each listener stand, in order.

        Args:
            wanted: (k,).
            limit: At most so many a listener.
        """
        before = np.concatenate([[0], np.cumsum(wanted)])
        rank = before[:-1] - before[self.starts[self.owners]]
        return np.flatnonzero(wanted & (rank < limit))

    def met(self, offered: Offered) -> Rows:
        """Return (n,) where each candidate stands among its listener's tracks, -1 where unmet."""
        keys, places = self._index
        wanted = _keys(offered.owners, offered.rows)
        at = np.searchsorted(keys, wanted)
        inside = at < keys.size
        inside[inside] = keys[at[inside]] == wanted[inside]
        found = np.full(wanted.size, -1, dtype=np.int64)
        found[inside] = places[at[inside]]
        return found

    @cached_property
    def _index(self) -> tuple[NDArray[np.int64], Rows]:
        keys = _keys(self.owners, self.rows)
        order = np.argsort(keys)
        return keys[order], order


@dataclass(frozen=True, slots=True, eq=False)
class Offered:
    """Candidates of several requests, end to end.

    Args:
        starts: (r + 1,) where each request's candidates begin.
        rows: (n,) catalogue rows.
        sources: (s,) names of the sources.
        source_scores: (n, s) NaN where a source did not offer the track.
        source_ranks: (n, s) likewise.
    """

    starts: Rows
    rows: Rows
    sources: tuple[str, ...]
    source_scores: Floats
    source_ranks: Floats

    def __len__(self) -> int:
        return int(self.rows.size)

    @property
    def owners(self) -> Rows:
        """(n,) the request of each candidate."""
        return np.repeat(np.arange(self.starts.size - 1), np.diff(self.starts))


def one_request(query: FeedQuery) -> Requests:
    """Return a query as the only request."""
    who = query.listener
    return Requests(
        user_ids=(who.user_id,),
        now_ms=np.array([query.now_ms], dtype=np.int64),
        surfaces=(query.surface,),
        starts=np.array([0, who.rows.size]),
        rows=who.rows,
        plays=who.plays,
        finishes=who.finishes,
        skips=who.skips,
        opinions=who.opinions,
        last_at_ms=who.last_at_ms,
        followed_starts=np.array([0, who.followed.size]),
        followed=who.followed,
        shown_starts=np.array([0, who.shown_rows.size]),
        shown_rows=who.shown_rows,
        shown_at_ms=who.shown_at_ms,
    )


def one_page(candidates: Candidates) -> Offered:
    """Return candidates as those of the only request."""
    return Offered(
        starts=np.array([0, len(candidates)]),
        rows=candidates.rows,
        sources=candidates.sources,
        source_scores=candidates.source_scores,
        source_ranks=candidates.source_ranks,
    )


def shown_slots(rows: Rows, starts: Rows) -> Offered:
    """Return slots that were shown, of which no source is remembered.

    Args:
        rows: (n,) catalogue rows.
        starts: (r + 1,) where each request's slots begin.
    """
    nothing = np.empty((rows.size, 0), dtype=np.float32)
    return Offered(starts, rows, (), nothing, nothing)


def counted(owners: Rows, values: Rows, wanted_owners: Rows, wanted: Rows) -> Rows:
    """Return (n,) how often each wanted value stands among those of its request.

    Args:
        owners: (k,) request of each value.
        values: (k,) ≥ 0.
        wanted_owners: (n,) request of each wanted value.
        wanted: (n,).
    """
    keys = np.sort(_keys(owners, values))
    asked = _keys(wanted_owners, wanted)
    return np.searchsorted(keys, asked, "right") - np.searchsorted(keys, asked, "left")


def summed(
    owners: Rows, values: Rows, weights: Sequence[Floats], wanted_owners: Rows, wanted: Rows
) -> list[NDArray[np.float64]]:
    """Return, for each of several weights, (n,) the sums over equal values of the same request.

    Args:
        owners: (k,) request of each value.
        values: (k,) ≥ 0.
        weights: Each (k,).
        wanted_owners: (n,) request of each wanted value.
        wanted: (n,).
    """
    keys = _keys(owners, values)
    order = np.argsort(keys, kind="stable")
    asked = _keys(wanted_owners, wanted)
    low, high = (np.searchsorted(keys[order], asked, side) for side in ("left", "right"))
    totals = (np.concatenate([[0.0], np.cumsum(one[order], dtype=np.float64)]) for one in weights)
    return [total[high] - total[low] for total in totals]


def spans(low: NDArray[np.integer], counts: NDArray[np.integer]) -> Rows:
    """Return the numbers low, low + 1, … of several runs, end to end."""
    ends = np.cumsum(counts, dtype=np.int64)
    total = int(ends[-1]) if ends.size else 0
    return np.arange(total) + np.repeat(low - (ends - counts), counts)


def _keys(owners: Rows, values: Rows) -> NDArray[np.int64]:
    """Return one number a pair; rows of a catalogue stay below 2**31."""
    return (owners.astype(np.int64) << 31) | values
