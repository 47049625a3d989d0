"""What the audio encoder hears and how it is trained (read without loading torch)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from embeddings.audio.frontend import MelConfig
from embeddings.audio.spectrogram import frame_count
from embeddings.audio.waveform import SAMPLE_RATE_HZ


class ObjectivesConfig(BaseModel):
    """What the convolution learns from; an objective of weight 0 is off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contrastive: float = Field(default=1.0, ge=0, le=100)
    """Two changed crops of one track are alike, and unlike those of others."""
    tags: float = Field(default=0.0, ge=0, le=100)
    """The track's tags can be read off; needs tags."""
    alignment: float = Field(default=0.0, ge=0, le=100)
    """The track's ALS factor can be told from those of others; needs plays, and lets listening into
    the vectors, so that figures on held-out listening flatter the feed."""
    temperature: float = Field(default=0.1, gt=0, le=10)
    """Temperature of the contrastive and the alignment loss."""
    min_tag_tracks: int = Field(default=5, ge=1, le=1_000_000)
    """Tracks below which a tag is not learned."""

    @model_validator(mode="after")
    def _something_is_learned(self) -> ObjectivesConfig:
        if not self.contrastive + self.tags + self.alignment:
            raise ValueError("every objective has weight 0; give one of them a weight")
        return self


class EncoderConfig(BaseModel):
    """Crops, size and training of the encoder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=192, ge=4, le=1024)
    """Length of a vector."""
    learned_dim: int = Field(default=32, ge=2, le=512)
    """Dimensions of the learned convolution; the rest are discriminants of fixed descriptions,
    and one that keeps a track from being near to all."""
    learned_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the learned part in a cosine."""
    n_crops: int = Field(default=6, ge=2, le=64)
    """Crops of a track, evenly spread; its vector is their mean."""
    crop_s: float = Field(default=5.0, ge=1, le=60)
    """Length of a crop: long enough for the slowest modulation that is described (0.4 Hz)."""
    train_tracks: int = Field(default=2000, ge=2, le=1_000_000)
    """Tracks trained on at most, drawn by chance; 0.3 MB of memory each."""
    atoms: int = Field(default=512, ge=2, le=8192)
    """Sounds in the dictionary that every moment of a crop is compared with."""
    shrinkage: float = Field(default=3.0, gt=0, le=100)
    """Ridge of the within-track scatter, in units of its mean variance."""
    window_frames: int = Field(default=128, ge=32, le=2048)
    """Frames of a crop that one training step looks at (128 are 3 s)."""
    channels: int = Field(default=96, ge=4, le=1024)
    """Channels of the convolutions."""
    objectives: ObjectivesConfig = ObjectivesConfig()
    """What the convolution learns from."""
    epochs: int = Field(default=8, ge=1, le=10_000)
    """Epochs at most."""
    epoch_steps: int = Field(default=15, ge=1, le=100_000)
    """Training steps of an epoch; after each, held-out retrieval is measured."""
    patience: int = Field(default=3, ge=1, le=10_000)
    """Epochs without better held-out retrieval after which training ends."""
    held_out_share: float = Field(default=0.1, gt=0, lt=0.9)
    """Share of the tracks that retrieval is measured on, and no step is taken with."""
    batch_tracks: int = Field(default=128, ge=2, le=4096)
    """Tracks in a step; each contributes two crops."""
    learning_rate: float = Field(default=3e-3, gt=0, le=1)
    """Peak of the one-cycle schedule."""
    reencoded_tracks: int = Field(default=128, ge=0, le=1_000_000)
    """Tracks of which one crop is also heard through a lossy codec."""

    @model_validator(mode="after")
    def _parts_fit(self) -> EncoderConfig:
        if self.described_dim < 1:
            raise ValueError(f"learned_dim {self.learned_dim} leaves no room in dim {self.dim}")
        if self.window_frames > self.crop_frames:
            raise ValueError(
                f"window_frames {self.window_frames} exceeds the {self.crop_frames} frames of a "
                f"crop of {self.crop_s} s"
            )
        return self

    @property
    def described_dim(self) -> int:
        """Return the dimensions of the discriminants; one more says how crowded a place is."""
        return self.dim - self.learned_dim - 1

    @property
    def crop_frames(self) -> int:
        """Return the spectrogram frames of one crop."""
        return frame_count(round(self.crop_s * SAMPLE_RATE_HZ))


class BackboneConfig(BaseModel):
    """How a foreign model is fed and read; what the model itself says need not be set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample_rate_hz: int = Field(default=24_000, ge=4_000, le=192_000)
    """Rate the model was trained at: 24000 for MERT and MuQ, 48000 for CLAP."""
    n_crops: int = Field(default=6, ge=1, le=64)
    """Crops of a track, evenly spread; its vector is their mean."""
    crop_s: float = Field(default=5.0, ge=0.5, le=60)
    """Length of a crop; a model whose input has a fixed length decides by itself."""
    input: Literal["auto", "waveform", "log_mel"] = "auto"
    """What the model takes; auto reads it from the shape of its input."""
    layout: Literal["auto", "frames_bands", "bands_frames"] = "auto"
    """Order of the last two axes of a spectrogram; auto finds the one of length `n_mels`."""
    standardise: bool = False
    """Give each crop mean 0 and variance 1, as MERT and other wav2vec models expect."""
    mel: MelConfig = MelConfig()
    """The spectrogram, where the model takes one."""
    output: str = ""
    """Name of the output to read; the first one where empty."""
    time_axis: Literal[1, 2] = 1
    """Axis of time in an output of three axes; its mean is taken."""


class AudioConfig(BaseModel):
    """What turns recordings into vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = Field(default="segue", pattern=r"^(segue|onnx:.+)$")
    """`segue` trains our own encoder; `onnx:PATH` uses that model in its place, untrained."""
    encoder: EncoderConfig = EncoderConfig()
    """Our own encoder."""
    input: BackboneConfig = BackboneConfig()
    """How another model is fed and read."""
