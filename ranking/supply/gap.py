"""A gap: music that listeners would hear and that hardly exists; as it is kept and shown."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from core.schema import gaps


class Spread(BaseModel):
    """How a figure is spread over listeners."""

    model_config = ConfigDict(frozen=True)

    p10: float
    p50: float
    p90: float


class Estimate(BaseModel):
    """An estimate and its interval over listeners."""

    model_config = ConfigDict(frozen=True)

    mean: float
    low: float
    high: float


class Gap(BaseModel):
    """One segment's supply. What was not measured is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment: str
    """A name that lasts."""
    label: str
    """What people call it."""
    words: tuple[str, ...]
    """Tags that tell it from the others."""
    listeners: int
    """Those who would hear more of it than of any other segment."""
    unheard_good: float
    """Unheard, eligible, well-liked tracks left to the mean listener who wants it."""
    days_until_dry: Spread
    """Over listeners, each weighed by what they would hear of it."""
    expected_listens_lost: Estimate
    """In the horizon."""
    lost_share: Estimate
    """The same, of the listens there would be."""
    gained_per_track: Estimate
    """Listens heard out that one more good track would bring."""
    confidence: float
    """How sure it is that the lost share reaches the limit."""
    evidence: str
    """`enough`, or `little` where too few listeners say anything."""
    tracks: int
    """Tracks on air in it."""
    missing_tracks: float
    """Good tracks that the mean listener who wants it would need more, to last for the
    horizons of a restock."""
    plays_a_day: float
    repeat_share: float
    """Share of its plays that were not the listener's first of the track."""
    skip_rates: tuple[float | None, ...]
    """Share skipped of a listener's 1st, 2nd, 3rd to 4th, 5th to 8th and later plays of a track."""
    loved: tuple[str, ...]
    """Tracks that are heard out most, best first."""
    exhausted: tuple[str, ...]
    """Tracks that are played again most, worn first."""


def replace_gaps(connection: sa.Connection, found: Sequence[Gap], now_ms: int) -> None:
    """Keep these gaps, best worth filling first, instead of those found before."""
    connection.execute(sa.delete(gaps))
    rows = [
        {
            "segment_id": gap.segment,
            "place": place,
            "found_at": now_ms,
            "gap": gap.model_dump(mode="json"),
        }
        for place, gap in enumerate(found)
    ]
    if rows:
        connection.execute(sa.insert(gaps), rows)


def list_gaps(
    connection: sa.Connection, limit: int | None = None, offset: int = 0
) -> tuple[Gap, ...]:
    """Return the gaps found last, best worth filling first.

    Args:
        connection: A read transaction.
        limit: At most so many.
        offset: Leave out so many of the best.
    """
    query = sa.select(gaps.c.gap).order_by(gaps.c.place).limit(limit).offset(offset)
    return tuple(Gap.model_validate(row) for row in connection.execute(query).scalars())


def gaps_found_at(connection: sa.Connection) -> int | None:
    """Return when the gaps that are kept were found, UTC milliseconds; None where none are."""
    found: int | None = connection.execute(sa.select(sa.func.max(gaps.c.found_at))).scalar_one()
    return found
