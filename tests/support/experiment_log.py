"""A small log of an experiment, and what plain Python measures of it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from core.tables import EVENTS, EXPOSURES, IMPRESSIONS, TRACKS, Table
from core.warehouse import Warehouse
from core.workspace import open_workspace

DAY_MS = 86_400_000
START_MS = round(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
END_MS = START_MS + 10 * DAY_MS
KEY = "fresh-share"

Rows = list[dict[str, Any]]


@dataclass
class Log:
    """Rows of the warehouse's tables; times are UTC milliseconds."""

    events: Rows
    exposures: Rows
    tracks: Rows
    impressions: Rows

    def write(self, warehouse: Warehouse) -> None:
        """Write all of it as one batch."""
        with warehouse.batch() as batch:
            for table, rows in self._tables():
                if rows:
                    batch.append(table, _frame(rows))
            with batch.commit():
                pass

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a connection with the same tables as `Warehouse.connect`, without any file."""
        connection = duckdb.connect()
        for table, rows in self._tables():
            frame = table.conform(_frame(rows)) if rows else pl.DataFrame(schema=table.schema)
            connection.register(table.name, frame.to_arrow())
        return connection

    def _tables(self) -> tuple[tuple[Table, Rows], ...]:
        return (
            (EVENTS, self.events),
            (EXPOSURES, self.exposures),
            (IMPRESSIONS, self.impressions),
            (TRACKS, self.tracks),
        )

    def event(
        self, user: str, at: int, action: str = "play", track: str = "t0", **more: Any
    ) -> None:
        """Add an event."""
        row = {"event_id": f"e{len(self.events)}", "user_id": user, "track_id": track}
        self.events.append({**row, "action": action, "at": at, "played_ms": None, **more})

    def expose(
        self,
        user: str,
        at: int,
        variation: str | None,
        *,
        key: str = KEY,
        differs: bool | None = None,
    ) -> None:
        """Add a page that was part of an experiment."""
        self.exposures.append(
            {
                "request_id": f"r{len(self.exposures)}",
                "at": at,
                "user_id": user,
                "experiment": key,
                "variation": variation,
                "differs": differs,
            }
        )


def blank_log() -> Log:
    """Return a log with tracks alone: four creators, every third track generated."""
    tracks = [
        {
            "track_id": f"t{n}",
            "creator_id": f"c{n % 4}" if n < 11 else None,
            "origin": "generated" if n % 3 == 0 else ("human" if n % 3 == 1 else None),
        }
        for n in range(12)
    ]
    return Log([], [], tracks, [])


def random_log(
    seed: int,
    listeners: int = 60,
    variations: tuple[str, ...] = ("control", "fresh"),
    lift: float = 0,
) -> Log:
    """Draw listeners with a past, exposures and events in every window and outside of them."""
    rng = random.Random(seed)
    log = blank_log()
    for number in range(listeners):
        user = f"u{number:05d}"
        arm = rng.randrange(len(variations))
        first = START_MS + rng.randrange(8 * DAY_MS)
        for page in range(rng.randint(1, 4)):
            at = first + page * rng.randrange(1, DAY_MS)
            log.expose(user, at, variations[arm], differs=rng.choice((True, False, None)))
        taste = rng.gammavariate(2, 1) * (1 + lift * arm)
        for _ in range(rng.randrange(4, 30)):
            at = START_MS + rng.randrange(-30 * DAY_MS, 12 * DAY_MS)
            action = rng.choices(("play", "finish", "skip", "like"), (6, 3, 2, 1))[0]
            track = f"t{rng.randrange(14)}"  # two of them are in no table
            heard = round(rng.random() * 200_000 * taste) if action == "play" else None
            device = rng.choice(("phone", "desktop", None))
            log.event(user, at, action, track, played_ms=heard, device=device)
    return log


def stored(log: Log, folder: Path) -> Path:
    """Write a log into a new data folder and return it."""
    with open_workspace(folder) as workspace:
        log.write(workspace.warehouse)
    return folder


@dataclass
class Measured:
    """One listener as plain Python measures them."""

    variation: str
    exposed: int
    value: float
    denominator: float
    before: float
    before_denominator: float


def exposed_listeners(log: Log, until: int = END_MS) -> dict[str, tuple[str, int]]:
    """Return variation and first exposure of every listener with one variation."""
    pages: dict[str, list[tuple[int, str]]] = {}
    for row in log.exposures:
        if row["experiment"] == KEY and START_MS <= row["at"] < until:
            pages.setdefault(row["user_id"], []).append((row["at"], row["variation"]))
    return {
        user: (own[0][1], min(at for at, _ in own))
        for user, own in pages.items()
        if len({variation for _, variation in own}) == 1
    }


def amount(
    log: Log, name: str, user: str, exposed: int, first: int, until: int | None
) -> tuple[float, float]:
    """Return numerator and denominator of a ready metric in a window of a listener's age."""
    creators = {row["track_id"]: row["creator_id"] for row in log.tracks}
    origins = {row["track_id"]: row["origin"] or "human" for row in log.tracks}
    own = [
        row
        for row in log.events
        if row["user_id"] == user
        and row["at"] - exposed >= first
        and (until is None or row["at"] - exposed < until)
        and row["at"] < END_MS
    ]
    plays = [row for row in own if row["action"] == "play"]
    by = Counter(row["action"] for row in own)
    hours = {
        origin: sum(
            (row["played_ms"] or 0) / 3_600_000
            for row in plays
            if origin in ("any", origins.get(row["track_id"], "human"))
        )
        for origin in ("any", "generated")
    }
    made = Counter(creators[row["track_id"]] for row in plays if creators.get(row["track_id"]))
    known = sum(made.values())
    days = len({(row["at"] - exposed) // DAY_MS for row in own})
    return {
        "listening_hours": (hours["any"], 0.0),
        "finish_rate": (by["finish"], by["play"]),
        "skip_rate": (by["skip"], by["play"]),
        "likes": (by["like"], 0.0),
        "return_next_day": (days, 0.0),
        "days_active": (days, 0.0),
        "generated_share_heard": (hours["generated"], hours["any"]),
        "creator_reach": (len(made), 0.0),
        "creator_concentration": (
            sum(n * n for n in made.values()) / known if known else 0.0,
            known,
        ),
    }[name]


def measured(log: Log, name: str) -> dict[str, Measured]:
    """Return every listener whose window is over, as plain Python measures them."""
    next_day = name == "return_next_day"
    window = (DAY_MS, 2 * DAY_MS) if next_day else (0, None)
    found = {}
    for user, (variation, exposed) in exposed_listeners(log).items():
        if next_day and exposed + 2 * DAY_MS > END_MS:
            continue
        value, below = amount(log, name, user, exposed, *window)
        before, before_below = amount(log, name, user, exposed, -28 * DAY_MS, 0)
        value = float(value > 0) if next_day else value
        found[user] = Measured(variation, exposed, value, below, before, before_below)
    return found


def _frame(rows: Rows) -> pl.DataFrame:
    frame = pl.DataFrame(rows, infer_schema_length=None)
    times = [name for name in ("at",) if name in frame.columns]
    return frame.with_columns(
        pl.from_epoch(pl.col(name), "ms").dt.replace_time_zone("UTC") for name in times
    )
