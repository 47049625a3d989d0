"""What the gate asks of a recording (`[supply.gate]`)."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SoundLimits(BaseModel):
    """What every recording must be, whatever it was made for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shortest_s: float = Field(default=15.0, gt=0, le=3600)
    """Shortest length where no brief says, seconds."""
    longest_s: float = Field(default=600.0, gt=0, le=3600)
    """Longest length where no brief says, seconds."""
    length_slack_s: float = Field(default=1.0, ge=0, le=60)
    """How far a length may miss its limits: codecs add or cut moments."""
    leading_s: float = Field(default=2.0, ge=0, le=60)
    """Longest silence before the first sound."""
    trailing_s: float = Field(default=4.0, ge=0, le=60)
    """Longest silence after the last."""
    pause_s: float = Field(default=4.0, ge=0, le=60)
    """Longest silence between two sounds."""
    silent_share: float = Field(default=0.3, ge=0, le=1)
    """Largest share of silence in all."""
    clipped_share: float = Field(default=0.01, ge=0, le=1)
    """Largest share of samples in runs at full scale; nine of ten loud recordings have less."""
    quietest_lufs: float = Field(default=-45.0, ge=-70, le=0)
    """Quietest integrated loudness: raising what lies below it raises its noise as well."""


class RenditionConfig(BaseModel):
    """How the recording that is served is made of the one that was delivered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target_lufs: float = Field(default=-14.0, ge=-40, le=-5)
    """Integrated loudness (EBU R128) where no brief says."""
    ceiling_dbtp: float = Field(default=-1.0, ge=-12, le=0)
    """Highest true peak, dB against full scale."""
    max_limiting_db: float = Field(default=6.0, ge=0, le=24)
    """How far peaks may be pressed to reach the target; what needs more is left quieter."""
    suffix: str = Field(default=".ogg", pattern=r"^\.(ogg|flac)$")
    """Coding of the rendition."""


class BriefLimits(BaseModel):
    """How near a recording must come to what its brief asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nearer_than: float = Field(default=0.8, ge=0, lt=1)
    """Share of the catalogue that must lie farther from the brief's reference than the track."""
    compared_tracks: int = Field(default=2000, ge=20, le=1_000_000)
    """Tracks of the catalogue that it is compared with, drawn at random."""
    tempo_tolerance: float = Field(default=0.04, gt=0, le=0.5)
    """Relative difference between the tempo that is heard and the one that was asked for."""
    tempo_evidence: float = Field(default=0.6, ge=0, le=1)
    """Share of the strongest beat's evidence that speaks for the asked tempo instead."""
    key_shortfall: float = Field(default=0.05, ge=0, le=2)
    """How much worse the asked key may fit than the best (difference of correlations)."""


class AppealConfig(BaseModel):
    """How the finish rate of a track that nobody heard is predicted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_impressions: int = Field(default=20, ge=1)
    """Impressions from which a track is learned from."""
    min_tracks: int = Field(default=50, ge=10)
    """Tracks from which a model is fitted; with fewer the mean is all that is predicted."""
    min_trials: int = Field(default=200, ge=10)
    """Ended trials from which only trials are learned from."""
    max_tracks: int = Field(default=20_000, ge=100)
    """Tracks learned from at most; the most shown ones are kept."""
    neighbours: int = Field(default=30, ge=1, le=1000)
    """Tracks nearest to a brief's reference whose rate is the segment's."""
    floor: float = Field(default=0.5, ge=0, le=1)
    """A track whose interval lies wholly below this share of the catalogue's mean rate does not
    pass; 0 lets every one pass."""


class PauseConfig(BaseModel):
    """When a generator whose tracks no longer pass is paused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    floor: float = Field(default=0.5, gt=0, lt=1)
    """Pass rate that a generator must keep."""
    latest: int = Field(default=40, ge=5, le=1000)
    """Verdicts that count: what lies further back is forgotten."""
    run_length: float = Field(default=500.0, ge=10)
    """Verdicts between two false alarms, on average at least, of one that just keeps the floor."""


class GateConfig(BaseModel):
    """The gate for new recordings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int = Field(default=32, ge=1, le=1000)
    """Tracks whose copies are sought together."""
    sound: SoundLimits = SoundLimits()
    """What every recording must be."""
    rendition: RenditionConfig = RenditionConfig()
    """How the recording that is served is made."""
    brief: BriefLimits = BriefLimits()
    """How near a recording must come to its brief."""
    appeal: AppealConfig = AppealConfig()
    """How its finish rate is predicted."""
    pause: PauseConfig = PauseConfig()
    """When a generator is paused."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.sound.shortest_s > self.sound.longest_s:
            raise ValueError(
                f"sound.shortest_s is {self.sound.shortest_s}, over longest_s "
                f"({self.sound.longest_s})"
            )
        return self
