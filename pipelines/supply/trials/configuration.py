"""Settings of trials (`[supply.trials]`)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from pipelines.supply.trials.sequential import TrialRule
from ranking.supply.trials import BUDGET


class TrialsConfig(BaseModel):
    """How long a track is tried, and what it is measured by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget: int = Field(default=BUDGET, ge=1, le=1_000_000)
    """Slots after which a track that has not convinced retires."""
    rule: TrialRule = TrialRule()
    """When it is decided before that."""
    settle_minutes: float = Field(default=15.0, ge=0, le=10_000)
    """Age from which a slot counts: before it, its listener may still be listening."""
    window_days: float = Field(default=28.0, gt=0, le=3650)
    """Latest days whose ordinary slots say how often the segment's tracks are heard out."""
