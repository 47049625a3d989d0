"""What the audio encoder hears and how it is trained (read without loading torch)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from embeddings.audio.spectrogram import frame_count
from embeddings.audio.waveform import SAMPLE_RATE_HZ


class EncoderConfig(BaseModel):
    """Crops, size and training of the encoder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=64, ge=4, le=1024)
    """Length of a vector."""
    learned_dim: int = Field(default=20, ge=2, le=512)
    """Dimensions of the contrastive part; the rest are discriminants of fixed statistics."""
    learned_share: float = Field(default=0.2, ge=0, le=1)
    """Share of the contrastive part in a cosine; 0.2 ranked best on real recordings."""
    n_crops: int = Field(default=6, ge=2, le=64)
    """Crops of a track, evenly spread; its vector is their mean."""
    crop_s: float = Field(default=5.0, ge=1, le=60)
    """Length of a crop: long enough for the slowest modulation that is described (0.4 Hz)."""
    window_frames: int = Field(default=128, ge=32, le=2048)
    """Frames of a crop that one training step looks at (128 are 3 s)."""
    channels: int = Field(default=96, ge=4, le=1024)
    """Channels of the convolutions."""
    steps: int = Field(default=80, ge=1, le=100_000)
    """Training steps; 60 rank 444 real recordings as well as 150 do."""
    batch_tracks: int = Field(default=128, ge=2, le=4096)
    """Tracks in a step; each contributes two crops."""
    learning_rate: float = Field(default=3e-3, gt=0, le=1)
    """Peak of the one-cycle schedule."""
    temperature: float = Field(default=0.1, gt=0, le=10)
    """Temperature of the contrastive loss."""
    shrinkage: float = Field(default=0.5, gt=0, le=100)
    """Ridge of the within-track scatter, in units of its mean variance."""

    @model_validator(mode="after")
    def _parts_fit(self) -> EncoderConfig:
        if self.learned_dim > self.dim - 2:
            raise ValueError(f"learned_dim {self.learned_dim} leaves no room in dim {self.dim}")
        if self.window_frames > self.crop_frames:
            raise ValueError(
                f"window_frames {self.window_frames} exceeds the {self.crop_frames} frames of a "
                f"crop of {self.crop_s} s"
            )
        return self

    @property
    def crop_frames(self) -> int:
        """Return the spectrogram frames of one crop."""
        return frame_count(round(self.crop_s * SAMPLE_RATE_HZ))
