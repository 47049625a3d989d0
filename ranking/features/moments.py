"""What was known of many listeners at many moments: the listener state, a whole log at once.

`EventLog.listener` answers for one listener and moment. Asking it a million times costs a million
walks through a history; here every interaction carries what its listener and track had added up to
by then, so that a moment's state is a choice among interactions. A test holds both to one answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.events import ACTIONS, Action
from ranking.features.batch import Requests
from ranking.listeners.history import (
    HISTORY_LIMIT,
    SHOWN_PAGES,
    SHOWN_WINDOW_MS,
    opinions_of,
)
from ranking.listeners.replay import SILENT, STANCE, EventLog, ShownLog
from ranking.model import Floats, Mask, Rows

_CODE = {Action(name): code for code, name in enumerate(ACTIONS)}
_NEVER_MS = np.iinfo(np.int64).max
_TIME_BITS = 42  # UTC milliseconds until 2109; the listener's number stands above them


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """A log whose interactions carry running totals; listeners by number, in the log's order.

    Args:
        log: Where they come from.
        keys: (m,) listener and time as one ascending number.
        next_ms: (m,) when the same listener meets the same track again; far off where never.
        rows: (m,) catalogue rows.
        at_ms: (m,) when.
        plays: (m,) plays of the track by the listener up to and with this interaction.
        finishes: (m,) likewise.
        skips: (m,) likewise.
        opinions: (m,) int8 the opinion by then.
        follow_starts: (n_users + 1,) where the creators that each listener follows begin.
        follow_creators: Creator rows, ascending within a listener.
        follow_ms: When each was followed first.
        pages: (s,) running number of the page of each slot that was shown.
    """

    log: EventLog
    keys: NDArray[np.int64]
    next_ms: NDArray[np.int64]
    rows: Rows
    at_ms: NDArray[np.int64]
    plays: Floats
    finishes: Floats
    skips: Floats
    opinions: NDArray[np.int8]
    follow_starts: Rows
    follow_creators: Rows
    follow_ms: NDArray[np.int64]
    pages: Rows

    def requests(
        self, user_ids: tuple[str, ...], now_ms: NDArray[np.int64], surfaces: tuple[str, ...]
    ) -> Requests:
        """Return what was known of listeners before moments.

        Args:
            user_ids: (r,) who asks; one who is not in the log is cold.
            now_ms: (r,) only what happened earlier is known.
            surfaces: (r,) where each page is shown.
        """
        users = self.log.users.rows(user_ids)
        starts, at = self._living(users, now_ms)
        follow_starts, followed = self._followed(users, now_ms)
        shown_starts, shown = self._shown(users, now_ms)
        return Requests(
            user_ids=user_ids,
            now_ms=now_ms,
            surfaces=surfaces,
            starts=starts,
            rows=self.rows[at],
            plays=self.plays[at],
            finishes=self.finishes[at],
            skips=self.skips[at],
            opinions=self.opinions[at],
            last_at_ms=self.at_ms[at],
            followed_starts=follow_starts,
            followed=followed,
            shown_starts=shown_starts,
            shown_rows=self.log.shown.rows[shown],
            shown_at_ms=self.log.shown.at_ms[shown],
        )

    def _living(self, users: Rows, now_ms: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """Return each request's latest interaction with every track, latest first."""
        known = users >= 0
        who = np.maximum(users, 0)
        first = np.where(known, self.log.starts[who], 0)
        stop = np.searchsorted(self.keys, _keys(who, now_ms))
        counts = np.where(known, np.maximum(stop - first, 0), 0)
        owners, at = _backwards(stop, counts)
        alive = self.next_ms[at] >= now_ms[owners]
        owners, at = owners[alive], at[alive]
        starts = np.searchsorted(owners, np.arange(users.size + 1))
        if np.any(np.diff(starts) > HISTORY_LIMIT):
            rank = np.arange(at.size) - starts[owners]
            kept = (rank < HISTORY_LIMIT) | (self.opinions[at] < 0)
            owners, at = owners[kept], at[kept]
            starts = np.searchsorted(owners, np.arange(users.size + 1))
        return starts, at

    def _followed(self, users: Rows, now_ms: NDArray[np.int64]) -> tuple[Rows, Rows]:
        who = np.maximum(users, 0)
        ends = self.follow_starts[np.minimum(who + 1, self.follow_starts.size - 1)]
        counts = np.where(users >= 0, ends - self.follow_starts[who], 0)
        owners, at = _backwards(ends, counts)
        by_then = self.follow_ms[at] < now_ms[owners]
        owners, at = owners[by_then], at[by_then]
        starts = np.searchsorted(owners, np.arange(users.size + 1))
        return starts, self.follow_creators[at]

    def _shown(self, users: Rows, now_ms: NDArray[np.int64]) -> tuple[Rows, Rows]:
        shown = self.log.shown
        numbers = np.repeat(np.arange(shown.starts.size - 1), np.diff(shown.starts))
        keys = _keys(numbers, shown.at_ms)
        who = np.maximum(users, 0)
        since = np.maximum(now_ms - SHOWN_WINDOW_MS, 0)
        low, high = (np.searchsorted(keys, _keys(who, ms)) for ms in (since, now_ms))
        some = (users >= 0) & (high > low)
        oldest = np.zeros(users.size, dtype=np.int64)
        oldest[some] = self.pages[high[some] - 1] - SHOWN_PAGES + 1
        low = np.maximum(low, np.searchsorted(self.pages, oldest))
        counts = np.where(some, high - low, 0)
        owners, at = _backwards(high, counts)
        return np.searchsorted(owners, np.arange(users.size + 1)), at


def moments_of(log: EventLog) -> Moments:
    """Give every interaction of a log the totals of its listener and track."""
    users = np.repeat(np.arange(log.starts.size - 1), np.diff(log.starts))
    order, begins = _pairs(users, log.rows)
    totals = {
        action: _running(np.where(log.codes == _CODE[action], log.counts, 0), order, begins)
        for action in (Action.PLAY, Action.FINISH, Action.SKIP, Action.SAVE)
    }
    turned = np.isin(log.codes, [_CODE[Action.HIDE], _CODE[Action.REPORT]])
    hidden = _running(turned, order, begins) > 0
    stance = _latest_stance(log.codes, order, begins)
    opinions = opinions_of(stance > 0, stance == -1, totals[Action.SAVE] > 0, hidden)
    next_ms = np.full(users.size, _NEVER_MS)
    goes_on = ~begins[1:]
    next_ms[order[:-1][goes_on]] = log.at_ms[order[1:][goes_on]]
    # Read backwards, interactions of one time stand as `history.ordered` puts them: the most
    # played first, then by row.
    final = np.lexsort((-log.rows, totals[Action.PLAY], log.at_ms, users))
    follow_starts, creators, follow_ms = _follows(log, users)
    return Moments(
        log=log,
        keys=_keys(users, log.at_ms),
        next_ms=next_ms[final],
        rows=log.rows[final],
        at_ms=log.at_ms[final],
        plays=totals[Action.PLAY][final].astype(np.float32),
        finishes=totals[Action.FINISH][final].astype(np.float32),
        skips=totals[Action.SKIP][final].astype(np.float32),
        opinions=opinions[final],
        follow_starts=follow_starts,
        follow_creators=creators,
        follow_ms=follow_ms,
        pages=_pages(log.shown),
    )


def _pairs(users: Rows, rows: Rows) -> tuple[Rows, Mask]:
    """Return an order by listener and track, the log's order within, and where pairs begin."""
    keys = (users.astype(np.int64) << 31) | rows
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    begins = np.ones(ranked.size, dtype=np.bool_)
    begins[1:] = ranked[1:] != ranked[:-1]
    return order, begins


def _running(values: NDArray[Any], order: Rows, begins: Mask) -> NDArray[np.float64]:
    """Return (m,) sums of values over each pair, up to and with each interaction."""
    total = np.cumsum(values[order], dtype=np.float64)
    base = np.where(begins, total - values[order], 0.0)
    starts = np.maximum.accumulate(np.where(begins, np.arange(begins.size), 0))
    running = np.empty(order.size)
    running[order] = total - base[starts]
    return running


def _latest_stance(codes: NDArray[np.int8], order: Rows, begins: Mask) -> NDArray[np.int8]:
    stance = STANCE[codes[order]]
    places = np.arange(order.size)
    starts = np.maximum.accumulate(np.where(begins, places, 0))
    voiced = np.maximum.accumulate(np.where(stance != SILENT, places, -1))
    found = np.full(order.size, SILENT, dtype=np.int8)
    found[order] = np.where(voiced >= starts, stance[np.maximum(voiced, 0)], SILENT)
    return found


def _follows(log: EventLog, users: Rows) -> tuple[Rows, Rows, NDArray[np.int64]]:
    """Return, by listener, the creators they chose and when first, ready to be read backwards."""
    at = np.flatnonzero(log.codes == _CODE[Action.FOLLOW])
    creators = log.creator_rows[log.rows[at]]
    at, creators = at[creators >= 0], creators[creators >= 0]
    order = np.lexsort((log.at_ms[at], -creators, users[at]))
    who, whom, when = users[at][order], creators[order], log.at_ms[at][order]
    first = np.ones(who.size, dtype=np.bool_)
    first[1:] = (who[1:] != who[:-1]) | (whom[1:] != whom[:-1])
    starts = np.searchsorted(who[first], np.arange(log.starts.size))
    return starts, whom[first], when[first]


def _pages(shown: ShownLog) -> Rows:
    if not shown.rows.size:
        return np.empty(0, dtype=np.int64)
    users = np.repeat(np.arange(shown.starts.size - 1), np.diff(shown.starts))
    turns = (np.diff(users) != 0) | (np.diff(shown.at_ms) != 0)
    return np.concatenate([[1], 1 + np.cumsum(turns)]) + SHOWN_PAGES


def _backwards(stop: Rows, counts: Rows) -> tuple[Rows, Rows]:
    """Return (owner, place) of several runs end to end, each from its last place to its first."""
    ends = np.cumsum(counts)
    owners = np.repeat(np.arange(counts.size), counts)
    within = np.arange(owners.size) - np.repeat(ends - counts, counts)
    return owners, stop[owners] - 1 - within


def _keys(users: Rows, at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    return (users.astype(np.int64) << _TIME_BITS) | at_ms
