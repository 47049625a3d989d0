"""Runaways: machines and forgotten players are found by what no person does on a day."""

from __future__ import annotations

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
