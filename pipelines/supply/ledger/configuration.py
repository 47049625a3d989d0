"""Settings of the ledger (`[supply.ledger]`)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RevenueConfig(BaseModel):
    """By which rule listening earns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool_per_day: float = Field(default=0.0, ge=0, le=1e9, allow_inf_nan=False)
    """What is shared out for each day (UTC) by qualified listening time, to the hundredth."""
    qualified_ms: int = Field(default=30_000, ge=0, le=3_600_000)
    """Heard so long a play qualifies; a shorter track, heard to its whole length."""
    cost_rate: float = Field(default=1.0, ge=0, le=1000, allow_inf_nan=False)
    """What a unit of an order's cost is booked at; above 1 adds what generation costs beside."""


class DisplacementConfig(BaseModel):
    """When the holdout is large enough to say who was displaced."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enough_listeners: int = Field(default=100, ge=2)
    """Listeners that each side must have before anything is said."""
    resamples: int = Field(default=1000, ge=100, le=100_000)
    """Resamples of listeners that an interval is made of."""
    seed: int = Field(default=0, ge=0)
    """Decides the resamples."""


class LedgerConfig(BaseModel):
    """What is counted, what it earns, and how displacement is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revenue: RevenueConfig = RevenueConfig()
    """The rule of revenue and cost."""
    displacement: DisplacementConfig = DisplacementConfig()
    """The comparison with the holdout."""
    creators: int = Field(default=50, ge=0, le=1_000_000)
    """Creators that are listed, those with the largest revenue first."""
