"""Runaways: machines and forgotten players are found by what no person does on a day."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from core.tables import EVENTS
from pipelines.traffic import TrafficConfig, runaways

START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE_MS = 60_000


def plays(
    user: str,
    count: int,
    *,
    tracks: int = 10_000,
    played_ms: int = MINUTE_MS,
    device: str | None = None,
    every_s: float = 20.0,
    start: datetime = START,
) -> pl.DataFrame:
    """Return plays of one listener from a moment on, over so many different tracks."""
    rows = [
        {
            "event_id": f"{user}-{start.isoformat()}-{number}",
            "user_id": user,
            "track_id": f"t{number % tracks}",
            "action": "play",
            "at": start + timedelta(seconds=every_s * number),
            "played_ms": played_ms,
            "device": device,
        }
        for number in range(count)
    ]
    return EVENTS.conform(pl.DataFrame(rows))


def found(*parts: pl.DataFrame, config: TrafficConfig | None = None) -> dict[str, list[str]]:
    told = runaways(pl.concat(parts), config or TrafficConfig())
    return dict(zip(told["user_id"], told["reasons"].to_list(), strict=True))


def test_more_than_twenty_hours_on_one_day_is_nobody() -> None:
    just = plays("human", 20, played_ms=60 * MINUTE_MS)
    over = plays("machine", 21, played_ms=60 * MINUTE_MS)
    assert found(just, over) == {"machine": ["hours"]}


def test_hours_are_those_of_a_day_not_of_a_life() -> None:
    days = [
        plays("human", 12, played_ms=60 * MINUTE_MS, start=START + timedelta(days=day))
        for day in range(5)
    ]
    assert found(*days) == {}


def test_one_track_on_loop_is_nobody_but_a_favourite_among_others_is_fine() -> None:
    loop = plays("loop", 150, tracks=1)
    fan = plays("fan", 99, tracks=1)  # a hundred times in a day is where it begins
    varied = plays("varied", 150, tracks=2)
    assert found(loop, fan, varied) == {"loop": ["loop"]}


def test_thousands_of_plays_from_one_device_are_nobody_whatever_names_they_use() -> None:
    farm = [plays(f"bot-{n}", 60, device="rack-1", every_s=1.0) for n in range(40)]
    home = [plays(f"child-{n}", 60, device="living room") for n in range(4)]
    unknown = [plays(f"person-{n}", 60) for n in range(40)]  # no device is not one device
    assert found(*farm, *home, *unknown) == {f"bot-{n}": ["device"] for n in sorted(range(40))}


def test_every_reason_is_told() -> None:
    everything = plays("all", 2100, tracks=1, played_ms=MINUTE_MS, device="rack-1", every_s=1.0)
    assert found(everything) == {"all": ["device", "hours", "loop"]}


@pytest.mark.parametrize("action", ["skip", "like"])
def test_only_plays_count(action: str) -> None:
    events = plays("busy", 5000, tracks=1, device="rack").with_columns(action=pl.lit(action))
    assert found(events) == {}


def test_a_day_is_found_in_a_long_history() -> None:
    """In one play a day, five weeks add up to more milliseconds than a row's number holds."""
    hour_ms = 3_600_000
    days = [
        plays("u", 1, played_ms=19 * hour_ms, start=START + timedelta(days=day))
        for day in range(35)
    ]
    assert runaways(pl.concat(days), TrafficConfig()).is_empty()
    full = plays("u", 1, played_ms=21 * hour_ms, start=START + timedelta(days=36))
    found = runaways(pl.concat([*days, full]), TrafficConfig())
    assert found.rows() == [("u", ["hours"])]


@pytest.mark.parametrize("seed", range(5))
def test_the_reasons_are_those_of_each_day_by_itself(seed: int) -> None:
    rng = random.Random(seed)
    config = TrafficConfig(hours_a_day=2, loop_plays=4, loop_share=0.75, device_plays=9)
    rows = [
        {
            "event_id": str(number),
            "user_id": f"u{rng.randrange(12)}",
            "track_id": f"t{int(3 * rng.random() ** 3)}",
            "action": rng.choice(("play", "play", "play", "finish")),
            "at": START + timedelta(days=rng.randrange(4), seconds=number),
            "played_ms": rng.choice((None, 600_000, 2_000_000)),
            "device": rng.choice((None, "d0", "d1", "d2", "d3")),
        }
        for number in range(150)
    ]
    heard = [row for row in rows if row["action"] == "play"]
    expected: dict[str, set[str]] = {}
    for user, day in {(row["user_id"], row["at"].date()) for row in heard}:
        own = [row for row in heard if (row["user_id"], row["at"].date()) == (user, day)]
        hours = sum(row["played_ms"] or 0 for row in own) / 3_600_000
        most = max(Counter(row["track_id"] for row in own).values())
        crowded = any(
            row["device"] is not None
            and sum(
                other["device"] == row["device"] and other["at"].date() == day for other in heard
            )
            > 9
            for row in own
        )
        reasons = {
            *(["hours"] if hours > 2 else []),
            *(["loop"] if len(own) >= 4 and most >= 0.75 * len(own) else []),
            *(["device"] if crowded else []),
        }
        if reasons:
            expected.setdefault(user, set()).update(reasons)
    found = runaways(EVENTS.conform(pl.DataFrame(rows)), config)
    assert {user: set(reasons) for user, reasons in found.rows()} == expected
    assert expected
