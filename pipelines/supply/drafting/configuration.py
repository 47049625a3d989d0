"""Settings of drafting (`[supply.drafting]`)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DraftingConfig(BaseModel):
    """How much is asked for, and by how many examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    briefs_per_gap: int = Field(default=3, ge=1, le=20)
    """Briefs of one gap; each follows other loved tracks, so that not all of it sounds the same."""
    liked_share: float = Field(default=0.25, gt=0, le=1)
    """Share of a segment's listeners that a new track is expected to please; for each track that a
    listener lacks, so many more are asked for."""
    tracks_per_gap: int = Field(default=24, ge=1, le=1000)
    """Most tracks that are asked for at once for one gap."""
    seconds: tuple[float, float] = (20.0, 60.0)
    """Shortest and longest length."""
    listened_to: int = Field(default=3, ge=1, le=50)
    """Loved recordings that are measured for each brief."""
    least_days: float = Field(default=3.0, gt=0, le=365)
    """Days that a generator has at least."""
