"""Settings of the analysis of experiments (`[experiments]`)."""

from __future__ import annotations

from pydantic import Field

from ranking.experiments.configuration import ExperimentsConfig


class AnalysisConfig(ExperimentsConfig):
    """What all experiments share, and how much of the machine an analysis takes."""

    known_days: float = Field(default=28, gt=0, le=365)
    """Listeners who did anything in so many days before their exposure are known, others new."""
    min_segment_listeners: int = Field(default=100, ge=2)
    """Segments with fewer listeners in either variation are left out."""
    memory_gb: float = Field(default=4.0, ge=0.25)
    """Memory that queries take before they go on on disk."""
