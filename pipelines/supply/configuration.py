"""Settings of the supply loop (`[supply]`), one section a part."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from pipelines.supply.gate.configuration import GateConfig


class SupplyConfig(BaseModel):
    """The supply loop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gate: GateConfig = GateConfig()
    """What is asked of a new recording."""
