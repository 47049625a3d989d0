"""Many requests side by side: the form in which features read them, one request or thousands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ranking.listeners.preference import weigh
from ranking.model import Candidates, FeedQuery, Floats, Rows

T = TypeVar("T", bound=np.generic)


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
        worked_out: What families have worked out of these requests and others need too.
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
    worked_out: dict[int, Floats] = field(default_factory=dict, repr=False)

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


def requests_of(queries: Sequence[FeedQuery]) -> Requests:
    """Return queries side by side."""
    who = [query.listener for query in queries]
    return Requests(
        user_ids=tuple(one.user_id for one in who),
        now_ms=np.array([query.now_ms for query in queries], dtype=np.int64),
        surfaces=tuple(query.surface for query in queries),
        starts=_starts([one.rows for one in who]),
        rows=_joined([one.rows for one in who]),
        plays=_joined([one.plays for one in who]),
        finishes=_joined([one.finishes for one in who]),
        skips=_joined([one.skips for one in who]),
        opinions=_joined([one.opinions for one in who]),
        last_at_ms=_joined([one.last_at_ms for one in who]),
        followed_starts=_starts([one.followed for one in who]),
        followed=_joined([one.followed for one in who]),
        shown_starts=_starts([one.shown_rows for one in who]),
        shown_rows=_joined([one.shown_rows for one in who]),
        shown_at_ms=_joined([one.shown_at_ms for one in who]),
    )


def offered_on(pages: Sequence[Candidates]) -> Offered:
    """Return the candidates of several requests, end to end.

    Args:
        pages: One or more, one a request, all with the same sources.
    """
    return Offered(
        starts=_starts([page.rows for page in pages]),
        rows=_joined([page.rows for page in pages]),
        sources=pages[0].sources,
        source_scores=_joined([page.source_scores for page in pages]),
        source_ranks=_joined([page.source_ranks for page in pages]),
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


def _starts(parts: Sequence[NDArray[np.generic]]) -> Rows:
    return np.cumsum([0, *(len(part) for part in parts)], dtype=np.int64)


def _joined(parts: Sequence[NDArray[T]]) -> NDArray[T]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _keys(owners: Rows, values: Rows) -> NDArray[np.int64]:
    """Return one number a pair; rows of a catalogue stay below 2**31."""
    return (owners.astype(np.int64) << 31) | values
