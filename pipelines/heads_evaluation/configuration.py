"""What is held out, and how models are tuned."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from core.events import Action
from ranking.rankers.outcomes import HeadConfig

JUDGED_HEADS = (
    HeadConfig(name="play", actions=(Action.PLAY,)),
    HeadConfig(name="finish", actions=(Action.FINISH,)),
    HeadConfig(name="like", actions=(Action.LIKE, Action.SAVE, Action.SHARE, Action.FOLLOW)),
)


class HeadsEvaluationConfig(BaseModel):
    """Days, trials and resamples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heads: tuple[HeadConfig, ...] = JUDGED_HEADS
    """The outcomes that are judged."""
    held_days: int = Field(default=2, ge=1, le=365)
    """The latest days of the log, which are judged; the day before them chooses settings."""
    day_offset_hours: float = Field(default=0.0, ge=-24, le=24)
    """When a day begins, hours before midnight UTC: 8 for a log of China."""
    fresh_slots: int = Field(default=10, ge=1)
    """A track is fresh on a page before which it was shown fewer times than this."""
    resamples: int = Field(default=400, ge=50, le=10_000)
    """Bootstrap resamples of listeners."""
    threads: int = Field(default=2, ge=1)
    """Threads that grow trees and describe slots."""


class Trial(NamedTuple):
    """One setting of trees; the product's heads and the plain model try the same ones."""

    leaves: int
    learning_rate: float
    min_leaf_rows: int
    column_share: float
    l2: float


TRIALS = (
    Trial(15, 0.05, 50, 0.5, 5.0),
    Trial(31, 0.05, 50, 0.5, 5.0),
    Trial(63, 0.05, 100, 0.5, 10.0),
    Trial(8, 0.05, 100, 0.3, 5.0),
    Trial(15, 0.03, 200, 0.3, 20.0),
    Trial(31, 0.03, 200, 0.8, 20.0),
)
RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""As many for the logistic model: its inverse ridge weights."""
