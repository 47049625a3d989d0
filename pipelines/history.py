"""What the warehouse knows of listening, and how it is cut for training and judging."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import polars as pl

from core.tables import EVENTS, IMPRESSIONS, TALLIES, TIME, USER_TAGS
from core.telemetry import logger
from core.warehouse import Warehouse
from pipelines.traffic import TrafficConfig, runaways
from ranking.listeners.tallies import TALLY_SCHEMA, tally, tally_plays

LOG = logger()
PAIR = ["user_id", "track_id"]
NEWEST_EVENT = "newest_event"
"""Among an artifact's inputs: up to when the listening it was made of reaches."""
SLOT_COLUMNS = ["request_id", *PAIR, "at", "position", "surface"]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Listening with times, listening without, and what listeners called tracks.

    Args:
        events: Columns of the `events` table.
        plays: user_id, track_id, plays: counts whose times nobody recorded.
        user_tags: user_id, track_id, tag.
        impressions: request_id, user_id, track_id, at, position, surface: slots that were served.
    """

    events: pl.DataFrame
    plays: pl.DataFrame
    user_tags: pl.DataFrame
    impressions: pl.DataFrame

    @property
    def has_times(self) -> bool:
        """Whether the listening can be split by time."""
        return self.events.height > 0

    @property
    def last_ms(self) -> int:
        """When the last event happened; 0 where there is none."""
        last = self.events["at"].dt.epoch("ms").max()
        return int(last) if isinstance(last, int) else 0

    def before(self, at_ms: int) -> History:
        """Return what had happened before a moment; listening without times counts as before."""
        return replace(
            self,
            events=self.events.filter(_at_ms() < at_ms),
            impressions=self.impressions.filter(_at_ms() < at_ms),
        )

    def since(self, at_ms: int) -> pl.DataFrame:
        """Return the events at or after a moment."""
        return self.events.filter(_at_ms() >= at_ms)

    def without(self, pairs: pl.DataFrame) -> History:
        """Return the history as if the listeners had never met these tracks.

        Args:
            pairs: user_id, track_id. Their plays, events, slots *and tags* go.
        """
        left = {
            name: getattr(self, name).join(pairs, on=PAIR, how="anti")
            for name in ("events", "plays", "user_tags", "impressions")
        }
        return History(**left)

    def without_listeners(self, users: pl.DataFrame) -> History:
        """Return the history as if some listeners (column user_id) had never been there."""
        left = {
            name: getattr(self, name).join(users, on="user_id", how="anti")
            for name in ("events", "plays", "user_tags", "impressions")
        }
        return History(**left)

    def tallies(self) -> pl.DataFrame:
        """Return what all listening adds up to, one row a listener and track, sorted."""
        parts = [tally(self.events), tally_plays(self.plays)]
        together = pl.concat([part.cast(dict(TALLY_SCHEMA.items())) for part in parts])
        counts = pl.col("plays", "finishes", "skips").sum()
        flags = pl.col("liked", "disliked", "saved", "hidden").any()
        times = pl.col("opinion_at", "last_at").max()
        return together.group_by(PAIR).agg(counts, flags, times).sort(PAIR)


def load_history(warehouse: Warehouse, traffic: TrafficConfig | None = None) -> History:
    """Read everything the warehouse knows of listening by people.

    Args:
        warehouse: Where.
        traffic: Which listeners are nobody; the default limits where None.
    """
    history = History(
        events=warehouse.read(EVENTS).sort("at", "event_id"),
        plays=warehouse.read(TALLIES),
        user_tags=warehouse.read(USER_TAGS).drop("at"),
        impressions=warehouse.scan(IMPRESSIONS).select(*SLOT_COLUMNS).collect(),
    )
    found = runaways(history.events, traffic or TrafficConfig())
    if not found.height:
        return history
    LOG.warning("runaway_listeners_left_out", listeners=found.height, first=found.row(0))
    return history.without_listeners(found)


def input_fingerprints(warehouse: Warehouse) -> dict[str, str]:
    """Return the fingerprints of the tables a history is read from."""
    return {
        table.name: warehouse.fingerprint(table)
        for table in (EVENTS, IMPRESSIONS, TALLIES, USER_TAGS)
    }


def newest_event(history: History) -> dict[str, str]:
    """Return when the last event happened, as it stands among an artifact's inputs.

    Without times there is nothing to say, and nothing is returned.
    """
    if not history.has_times:
        return {}
    return {NEWEST_EVENT: moment_text(history.last_ms)}


def moment_text(at_ms: int) -> str:
    """Return a moment as ISO 8601 text to the millisecond, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _at_ms() -> pl.Expr:
    return pl.col("at").cast(TIME).dt.epoch("ms")
