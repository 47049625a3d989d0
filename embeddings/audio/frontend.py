"""Log-mel spectrograms as other people's models were trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import fft, sparse

from embeddings.audio.container import Samples
from embeddings.audio.spectrogram import triangles

# The Slaney scale: linear up to 1 kHz, then 27 steps of a sixty-fourth of a factor of 6.4.
_LINEAR_HZ = 200 / 3
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27


class MelConfig(BaseModel):
    """The front end a foreign model expects; the defaults are those of LAION's CLAP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_mels: int = Field(default=64, ge=8, le=512)
    """Bands."""
    n_fft: int = Field(default=1024, ge=64, le=16_384)
    """Samples of a frame, under a periodic Hann window."""
    hop: int = Field(default=480, ge=16, le=16_384)
    """Samples from one frame to the next."""
    min_hz: float = Field(default=50.0, ge=0)
    """Lower edge of the lowest band."""
    max_hz: float = Field(default=14_000.0, gt=0)
    """Upper edge of the highest band."""
    scale: Literal["slaney", "htk"] = "slaney"
    """How bands are spread: librosa's default, or 2595 log10(1 + f / 700)."""
    norm: Literal["slaney", "none"] = "slaney"
    """Each band of area 1 over frequency, or of height 1."""
    centred: bool = True
    """Frames are centred on their time, the sound reflected at both ends."""
    log: Literal["db", "ln", "log10"] = "db"
    """10 log10, ln or log10 of power."""
    floor: float = Field(default=1e-10, gt=0, le=1)
    """Power below which nothing is told apart."""
    mean: float = 0.0
    """Subtracted from the logarithm."""
    deviation: float = Field(default=1.0, gt=0)
    """What it is divided by then."""

    @model_validator(mode="after")
    def _bands_are_ordered(self) -> MelConfig:
        if self.min_hz >= self.max_hz:
            raise ValueError(f"min_hz {self.min_hz} is not below max_hz {self.max_hz}")
        return self

    def frames(self, samples: int) -> int:
        """Return how many frames so many samples give."""
        room = samples if self.centred else samples - self.n_fft
        return max(0, 1 + room // self.hop)

    def samples(self, frames: int) -> int:
        """Return the fewest samples that give so many frames."""
        return (frames - 1) * self.hop + (0 if self.centred else self.n_fft)


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """A front end at one sample rate.

    Attributes:
        config: Its settings.
        sample_rate_hz: Rate of the sound it is given, at least `2 * config.max_hz`.
    """

    config: MelConfig
    sample_rate_hz: int

    def log_mel(self, wave: Samples) -> NDArray[np.float32]:
        """Return (frames, n_mels) float32 of a (n,) waveform."""
        config = self.config
        if config.centred:
            wave = np.pad(wave, config.n_fft // 2, mode="reflect")
        framed = np.lib.stride_tricks.sliding_window_view(wave, config.n_fft)[:: config.hop]
        spectrum = fft.rfft(framed * _window(config.n_fft), axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        mels = (_bank(config, self.sample_rate_hz) @ power.T).T
        return _logarithm(mels, config)


def _logarithm(mels: NDArray[np.float32], config: MelConfig) -> NDArray[np.float32]:
    floored = np.maximum(mels, np.float32(config.floor))
    logarithm = np.log(floored) if config.log == "ln" else np.log10(floored)
    values = logarithm * 10 if config.log == "db" else logarithm
    return np.ascontiguousarray((values - config.mean) / config.deviation, dtype=np.float32)


@cache
def _window(size: int) -> NDArray[np.float32]:
    window: NDArray[np.float32] = np.hanning(size + 1)[:-1].astype(np.float32)
    return window


@cache
def _bank(config: MelConfig, sample_rate_hz: int) -> sparse.csr_matrix:
    to_mel, to_hz = _SCALES[config.scale]
    points = np.linspace(to_mel(config.min_hz), to_mel(config.max_hz), config.n_mels + 2)
    edges = np.array([to_hz(point) for point in points])
    bank = triangles(edges, np.arange(config.n_fft // 2 + 1) * sample_rate_hz / config.n_fft)
    if config.norm == "slaney":
        bank *= 2.0 / (edges[2:] - edges[:-2])[:, None]
    return sparse.csr_matrix(bank.astype(np.float32))


def _htk_mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def _htk_hz(mel: float) -> float:
    return float(700 * (10 ** (mel / 2595) - 1))


def _slaney_mel(hz: float) -> float:
    if hz < _KNEE_HZ:
        return hz / _LINEAR_HZ
    return float(_KNEE_MEL + np.log(hz / _KNEE_HZ) / _LOG_STEP)


def _slaney_hz(mel: float) -> float:
    if mel < _KNEE_MEL:
        return mel * _LINEAR_HZ
    return float(_KNEE_HZ * np.exp(_LOG_STEP * (mel - _KNEE_MEL)))


_SCALES = {"htk": (_htk_mel, _htk_hz), "slaney": (_slaney_mel, _slaney_hz)}
