"""Settings of the analysis of experiments (`[experiments]`)."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class AnalysisConfig(BaseModel):
    """Which metrics a team has, and how much of the machine an analysis takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: Path | None = None
    """The team's metric file; without one, those that come with the package."""
    known_days: float = Field(default=28, gt=0, le=365)
    """Listeners who did anything in so many days before their exposure are known, others new."""
    min_segment_listeners: int = Field(default=100, ge=2)
    """Segments with fewer listeners in either variation are left out."""
    memory_gb: float = Field(default=4.0, ge=0.25)
    """Memory that queries take before they go on on disk."""
