"""Settings of the supply loop (`[supply]`)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from pipelines.supply.demand.configuration import GapsConfig
from pipelines.supply.gate.configuration import GateConfig


class SupplyConfig(BaseModel):
    """The supply loop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gaps: GapsConfig = GapsConfig()
    """What counts as short, and how it is found."""
    gate: GateConfig = GateConfig()
    """What a recording must be to be tried."""
