"""Declares metrics: what is counted of each listener, since when, and which way is better."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from core.tables import EVENTS, IMPRESSIONS, TRACKS
from pipelines.experiments.question import Direction

TABLES = {"events": EVENTS, "impressions": IMPRESSIONS}
NUMERIC = ("played_ms", "track_ms", "position", "score", "propensity", "duration_ms")
KEYED = ("days", "distinct", "concentration")
NEEDS_COLUMN = ("sum", "distinct", "concentration")

Kind = Literal["mean", "ratio", "share"]
Take = Literal["count", "sum", "days", "distinct", "concentration"]
Value = bool | int | str


class Measure(BaseModel):
    """What is counted or added up of one listener, over rows of one table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: Literal["events", "impressions"] = "events"
    """Where the rows stand; columns of the row's track count as columns of it."""
    take: Take = "count"
    """`count` rows, `sum` a column, count `days` (24 hours each since the exposure), `distinct`
    values of a column, or rows times the `concentration` of a column: the sum of squared counts
    over the count of rows, which divided by rows is Herfindahl's index."""
    of: str = ""
    """The column; rows without a value do not count."""
    where: dict[str, tuple[Value, ...]] = Field(default_factory=dict)
    """Column → values; a row counts where every column has one of its values."""
    per: float = Field(default=1.0, gt=0)
    """What the amount is divided by: 3600000 makes hours of milliseconds."""

    @field_validator("where", mode="before")
    @classmethod
    def _one_value_may_stand_alone(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {
            name: value if isinstance(value, list | tuple) else (value,)
            for name, value in given.items()
        }

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        known = columns_of(self.table)
        for name in (*self.where, *([self.of] if self.of else [])):
            if name not in known:
                raise ValueError(
                    f"{self.table} have no column {name!r}; columns are {', '.join(known)}"
                )
        if self.take in NEEDS_COLUMN and not self.of:
            raise ValueError(f"take = {self.take!r} needs a column: of = …")
        if self.take == "days" and self.of:
            raise ValueError("take = 'days' counts days of any row; leave `of` out")
        if self.take == "sum" and self.of not in NUMERIC:
            raise ValueError(f"{self.of!r} cannot be added up; numbers are {', '.join(NUMERIC)}")
        for name, values in self.where.items():
            if not values:
                raise ValueError(f"where.{name} allows no value, so nothing would count")
        return self


class Metric(BaseModel):
    """One metric of an experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "mean"
    """`mean` of the numerator, `ratio` of the means of numerator and denominator, or `share` of
    listeners whose numerator is above 0."""
    numerator: Measure
    """What is measured."""
    denominator: Measure | None = None
    """What a ratio is divided by."""
    direction: Direction
    """Which way is better."""
    delay_days: float = Field(default=0.0, ge=0, le=365)
    """How long after the first exposure the window begins."""
    window_days: float | None = Field(default=None, gt=0, le=365)
    """How long it is; only listeners whose window is over count. Until now where left out."""
    pre_days: float = Field(default=0.0, ge=0, le=365)
    """How long before the exposure the same is measured for CUPED; 0 is without."""
    cap: float | None = Field(default=None, gt=0.5, lt=1)
    """Quantile over all variations that larger numerators are set to; 0.999 caps one in 1,000."""
    margin: float | None = Field(default=None, ge=0)
    """How much worse it may become as a guardrail, as a share of the control's level."""
    about: str = ""
    """One sentence for people."""

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        if (self.kind == "ratio") != (self.denominator is not None):
            raise ValueError(
                f"kind {self.kind!r} and "
                f"{'a' if self.denominator else 'no'} denominator do not fit; a ratio has one, "
                "nothing else has"
            )
        if self.cap is not None and self.kind == "share":
            raise ValueError("a share has nothing to cap; leave cap out")
        return self

    @property
    def reach_days(self) -> float:
        """Days from the exposure to the end of the window; 0 where it has no end."""
        return 0.0 if self.window_days is None else self.delay_days + self.window_days


def columns_of(table: str) -> dict[str, str]:
    """Return every column that rows of a table have, with SQL for it.

    What a track's table leaves empty means what it says there: made by humans, not explicit.
    """
    own = {column.name: f'e."{column.name}"' for column in TABLES[table].columns}
    if "action" in own:
        own["action"] = "coalesce(e.action, 'play')"
    simple = [c.name for c in TRACKS.columns if c.name not in ("regions", "tags", "parents")]
    tracks = {name: f't."{name}"' for name in simple if name not in own}
    tracks["origin"] = "coalesce(t.origin, 'human')"
    tracks["explicit"] = "coalesce(t.explicit, false)"
    return {**own, **tracks}
