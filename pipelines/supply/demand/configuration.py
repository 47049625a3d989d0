"""Settings of the search for gaps (`[supply.gaps]`)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from pipelines.supply.demand.gap import GapConfig
from pipelines.supply.demand.habits import HabitsConfig
from pipelines.supply.demand.liking import LikingConfig
from pipelines.supply.segments.cutting import SegmentsConfig
from pipelines.supply.segments.space import SpaceConfig


class GapsConfig(BaseModel):
    """From tracks and listening to gaps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    space: SpaceConfig = SpaceConfig()
    """What says that two tracks are alike."""
    segments: SegmentsConfig = SegmentsConfig()
    """How finely taste is cut."""
    habits: HabitsConfig = HabitsConfig()
    """Which listening is counted."""
    liking: LikingConfig = LikingConfig()
    """How liking is learned."""
    gap: GapConfig = GapConfig()
    """From when on supply is short."""
    threads: int = Field(default=2, ge=1, le=256)
    """Blocks of listeners worked on side by side."""
