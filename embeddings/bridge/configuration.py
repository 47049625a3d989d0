"""How the bridge is fitted (read without loading torch)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class BridgeConfig(BaseModel):
    """How an audio vector becomes a factor, and how the factor gives way to listening."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    """Whether tracks get factors from their audio; false leaves plain ALS."""
    min_tracks: int = Field(default=40, ge=10, le=100_000)
    """Tracks with both audio and plays below which nothing is fitted."""
    evidence_listeners: float = Field(default=20.0, gt=0, le=1e6)
    """Listeners at which a track counts half of one that everybody knows, and at which half of the
    optimism has gone."""
    optimism: float = Field(default=1.0, ge=0, le=2)
    """How far a track that nobody met is moved from the best guess (0) to where known tracks stand,
    at the level of the average listen and as far apart (1). A best guess is timid: half of what
    makes a track loved cannot be heard, and without this no fresh track reaches the top of a list
    that would show it."""
    folds: int = Field(default=5, ge=2, le=20)
    """Folds of tracks over which ridge strength and form are chosen."""
    network_tracks: int = Field(default=1000, ge=10, le=10_000_000)
    """Tracks from which a small network is tried beside the ridge."""
    network_hidden: int = Field(default=64, ge=1, le=4096)
    """Hidden units of that network."""
    network_steps: int = Field(default=150, ge=1, le=100_000)
    """Steps of its training, at most; how many are taken is chosen on held-out tracks."""
    sample_tracks: int = Field(default=20_000, ge=10, le=10_000_000)
    """Tracks the network learns from, at most; the ridge always learns from all."""
    thinned_tracks: int = Field(default=300, ge=10, le=1_000_000)
    """Well-known tracks whose plays are thinned to fit the shrinkage, at most."""
    thinned_listeners: int = Field(default=50, ge=2, le=100_000)
    """Listeners from which a track is well known."""
