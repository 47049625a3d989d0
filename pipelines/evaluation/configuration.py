"""What is held out, and how often."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipelines.off_policy.configuration import OffPolicyConfig

Protocol = Literal["temporal", "leave-out"]


class EvaluateConfig(BaseModel):
    """What is held out, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    held_share: float = Field(default=0.2, gt=0, lt=1)
    """`leave-out`: share of each listener's tracks that is held out."""
    held_days: int = Field(default=5, ge=1, le=365)
    """`temporal`: length of the later part; days on which nobody listened are not counted."""
    repeats: bool = False
    """`temporal`: whether tracks that a listener had met before are to be found too, and may be
    offered again; the ranker then learns to."""
    seeds: int = Field(default=5, ge=1, le=100)
    """How many times everything is split, learned and judged."""
    first_seed: int = Field(default=1, ge=0)
    """Seeds are this one and those that follow; others served to choose settings."""
    off_policy: OffPolicyConfig = OffPolicyConfig()
    """How logged pages are replayed through another feed."""

    @property
    def each_seed(self) -> range:
        """The seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)
