"""A log of pages over a tiny world: slots, and what listeners did with them."""

from __future__ import annotations

import numpy as np
import polars as pl

from core.events import ACTIONS
from core.tables import EVENTS, IMPRESSIONS, TALLIES, TIME, USER_TAGS
from pipelines.history import SLOT_COLUMNS, History
from ranking.catalogue import Catalogue
from tests.support.worlds import NOW_MS

MINUTE_MS = 60_000


def shown_history(
    catalogue: Catalogue,
    pages: int = 60,
    slots: int = 5,
    seed: int = 1,
    minutes: int = 3_000,
    listeners: int = 5,
) -> History:
    """Return pages of some listeners, half of their slots played, some twice or much later."""
    rng = np.random.default_rng(seed)
    tracks = np.array(catalogue.tracks.values)
    rows, happened = [], []
    for page in range(pages):
        user = f"u{rng.integers(0, listeners)}"
        at_ms = NOW_MS + int(rng.integers(0, minutes)) * MINUTE_MS
        surface = ("home", "radio", None)[rng.integers(0, 3)]
        for position, track in enumerate(rng.choice(tracks, slots, replace=False)):
            rows.append((f"r{page}", user, track, at_ms, position, surface))
            for action in rng.choice(np.array(ACTIONS), rng.integers(0, 3), replace=False):
                later = at_ms + int(rng.choice([0, 5, 90, 1_500])) * MINUTE_MS
                happened.append((f"r{page}", user, track, later, position, action))
    return history_of(rows, happened)


def history_of(slots: list[tuple], events: list[tuple]) -> History:
    """Return a history of slots (request, user, track, ms, position, surface) and events (…)."""
    names = ["request_id", "user_id", "track_id", "at", "position"]
    shown = pl.DataFrame(slots, schema=[*names, "surface"], orient="row", infer_schema_length=None)
    done = pl.DataFrame(events, schema=[*names, "action"], orient="row", infer_schema_length=None)
    done = done.with_columns(event_id=pl.int_range(done.height).cast(pl.String))
    timed = [frame.with_columns(pl.col("at").cast(TIME)) for frame in (shown, done)]
    return History(
        events=EVENTS.conform(timed[1]).sort("at", "event_id"),
        plays=pl.DataFrame(schema=TALLIES.schema),
        user_tags=pl.DataFrame(schema=USER_TAGS.schema).drop("at"),
        impressions=IMPRESSIONS.conform(timed[0]).select(*SLOT_COLUMNS),
    )
