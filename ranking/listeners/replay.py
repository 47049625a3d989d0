"""What was known of a listener at any moment of the past: the serving state, from the history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.events import ACTIONS, Action
from core.ids import Ids
from ranking.catalogue import Catalogue
from ranking.listeners.history import (
    SHOWN_PAGES,
    SHOWN_WINDOW_MS,
    History,
    opinions_of,
    ordered,
)
from ranking.model import UNKNOWN_TIME_MS, Floats, Listener, Preferences, Rows

Codes = NDArray[np.int8]
_CODE = {Action(name): code for code, name in enumerate(ACTIONS)}
SILENT = -2  # an action that voices no opinion
STANCE = np.full(len(ACTIONS), SILENT, dtype=np.int8)
STANCE[[_CODE[Action.LIKE], _CODE[Action.DISLIKE]]] = (1, -1)
STANCE[[_CODE[Action.UNLIKE], _CODE[Action.UNDISLIKE]]] = 0


@dataclass(frozen=True, slots=True, eq=False)
class ShownLog:
    """Slots that were served, by listener, oldest first.

    Args:
        starts: (n_users + 1,) where each listener's slots begin.
        rows: (m,) catalogue rows.
        at_ms: (m,) when.
    """

    starts: Rows
    rows: Rows
    at_ms: NDArray[np.int64]

    def before(self, user: int, before_ms: int) -> tuple[Rows, NDArray[np.int64]]:
        """Return what a listener was shown, latest first, as far as the serving state remembers."""
        start, stop = self.starts[user], self.starts[user + 1]
        at_ms = self.at_ms[start:stop]
        low, high = np.searchsorted(at_ms, [before_ms - SHOWN_WINDOW_MS, before_ms])
        pages = np.unique(at_ms[low:high])
        if pages.size > SHOWN_PAGES:
            low = np.searchsorted(at_ms, pages[-SHOWN_PAGES])
        return self.rows[start + low : start + high][::-1], at_ms[low:high][::-1]


@dataclass(frozen=True, slots=True, eq=False)
class EventLog:
    """Interactions by listener, oldest first; answers what was known before a moment.

    The rule by which interactions add up is that of `ranking.listeners.tallies`, applied to the
    beginning of each listener's history; a test feeds the same events through both.

    Args:
        users: Listeners ↔ rows.
        starts: (n_users + 1,) where each listener's interactions begin.
        rows: (m,) catalogue rows.
        at_ms: (m,) when; `UNKNOWN_TIME_MS` for plays whose time nobody recorded.
        codes: (m,) int8, the action's place in `ACTIONS`.
        counts: (m,) how often; 1 but for plays without times.
        creator_rows: (n_tracks,) who made each track.
        shown: What they were shown.
    """

    users: Ids
    starts: Rows
    rows: Rows
    at_ms: NDArray[np.int64]
    codes: Codes
    counts: Floats
    creator_rows: Rows
    shown: ShownLog

    @classmethod
    def from_frames(
        cls,
        events: pl.DataFrame,
        tallies: pl.DataFrame,
        catalogue: Catalogue,
        impressions: pl.DataFrame | None = None,
    ) -> EventLog:
        """Sort a history by listener and time; what the catalogue does not know is left out.

        Args:
            events: Columns user_id, track_id, action and at (a time of any unit).
            tallies: Columns user_id, track_id and plays, whose times nobody recorded.
            catalogue: The tracks.
            impressions: Columns user_id, track_id, at and position, where pages were logged.
        """
        tracks = _numbered("track_id", "row", catalogue.tracks.values)
        timeless = tallies.select(
            "user_id",
            "track_id",
            at_ms=pl.lit(UNKNOWN_TIME_MS, pl.Int64),
            code=pl.lit(_CODE[Action.PLAY], pl.Int8),
            count=pl.col("plays").cast(pl.Float32),
        )
        timed = events.select(
            "user_id",
            "track_id",
            at_ms=pl.col("at").dt.epoch("ms"),
            code=pl.col("action").replace_strict(_CODE, return_dtype=pl.Int8),
            count=pl.lit(1.0, pl.Float32),
        )
        slots = _slots(impressions)
        happened = pl.concat([timeless, timed]).join(tracks, on="track_id", maintain_order="left")
        seen = slots.join(tracks, on="track_id", maintain_order="left")
        users = Ids(sorted({*happened["user_id"].unique(), *seen["user_id"].unique()}))
        starts, happened = _by_user(happened, users, "at_ms")
        return cls(
            users=users,
            starts=starts,
            rows=happened["row"].to_numpy(),
            at_ms=happened["at_ms"].to_numpy(),
            codes=happened["code"].to_numpy(),
            counts=happened["count"].to_numpy(),
            creator_rows=catalogue.creator_rows,
            shown=_shown_log(seen, users),
        )

    @property
    def user_ids(self) -> tuple[str, ...]:
        """Every listener of the log, in order."""
        return self.users.values

    def listener(
        self,
        user_id: str,
        before_ms: int,
        preferences: Preferences = Preferences(),  # noqa: B008 - frozen
    ) -> Listener:
        """Return a listener as the serving state would have had them.

        Args:
            user_id: Who; one who is not in the log is cold.
            before_ms: Only what happened earlier is known.
            preferences: What they asked for; wishes are not part of a history.
        """
        user = self.users.row(user_id)
        if user < 0:
            return Listener(user_id=user_id, preferences=preferences)
        start, stop = self.starts[user], self.starts[user + 1]
        stop = start + np.searchsorted(self.at_ms[start:stop], before_ms)
        history = self._history(slice(start, stop))
        shown_rows, shown_at_ms = self.shown.before(user, before_ms)
        return Listener(
            user_id=user_id,
            rows=history.rows,
            plays=history.plays,
            finishes=history.finishes,
            skips=history.skips,
            opinions=history.opinions,
            last_at_ms=history.last_at_ms,
            followed=self._followed(slice(start, stop)),
            preferences=preferences,
            shown_rows=shown_rows,
            shown_at_ms=shown_at_ms,
        )

    def _history(self, part: slice) -> History:
        codes, counts = self.codes[part], self.counts[part]
        rows, place = np.unique(self.rows[part], return_inverse=True)
        n = rows.size

        def total(action: Action) -> NDArray[np.float64]:
            weights = np.where(codes == _CODE[action], counts, 0)
            return np.bincount(place, weights, minlength=n).astype(np.float64, copy=False)

        stance = _latest_stance(codes, place, n)
        hidden = total(Action.HIDE) + total(Action.REPORT) > 0
        opinions = opinions_of(stance > 0, stance == -1, total(Action.SAVE) > 0, hidden)
        last_at_ms = np.zeros(n, dtype=np.int64)
        np.maximum.at(last_at_ms, place, self.at_ms[part])
        plays, finishes, skips = total(Action.PLAY), total(Action.FINISH), total(Action.SKIP)
        return ordered(rows, plays, finishes, skips, opinions, last_at_ms)

    def _followed(self, part: slice) -> Rows:
        chosen = self.rows[part][self.codes[part] == _CODE[Action.FOLLOW]]
        creators = np.unique(self.creator_rows[chosen])
        return creators[creators >= 0]


def _latest_stance(codes: Codes, place: NDArray[np.int64], n: int) -> Codes:
    """Return (n,) the stance last voiced on each track; `SILENT` where none was."""
    stance = STANCE[codes]
    voiced = np.flatnonzero(stance != SILENT)
    latest = np.full(n, -1, dtype=np.int64)
    np.maximum.at(latest, place[voiced], voiced)
    found = np.full(n, SILENT, dtype=np.int8)
    found[latest >= 0] = stance[latest[latest >= 0]]
    return found


def _numbered(key: str, row: str, values: tuple[str, ...]) -> pl.DataFrame:
    numbers = np.arange(len(values), dtype=np.int64)
    return pl.DataFrame({key: list(values), row: numbers}, schema={key: pl.String, row: pl.Int64})


def _by_user(frame: pl.DataFrame, users: Ids, *order: str) -> tuple[Rows, pl.DataFrame]:
    """Return where each listener's rows begin, and the rows by listener and then in order."""
    numbered = frame.join(
        _numbered("user_id", "user", users.values), on="user_id", maintain_order="left"
    )
    # Of equal times the one further down the input came later: the sort must be stable.
    sorted_frame = numbered.sort("user", *order, maintain_order=True)
    starts = np.searchsorted(sorted_frame["user"].to_numpy(), np.arange(len(users) + 1))
    return starts.astype(np.int64), sorted_frame


def _slots(impressions: pl.DataFrame | None) -> pl.DataFrame:
    schema = {"user_id": pl.String, "track_id": pl.String, "at_ms": pl.Int64, "position": pl.Int32}
    if impressions is None:
        return pl.DataFrame(schema=schema)
    return impressions.select(
        "user_id", "track_id", at_ms=pl.col("at").dt.epoch("ms"), position="position"
    )


def _shown_log(seen: pl.DataFrame, users: Ids) -> ShownLog:
    starts, seen = _by_user(seen, users, "at_ms", "position")
    return ShownLog(starts, seen["row"].to_numpy(), seen["at_ms"].to_numpy())
