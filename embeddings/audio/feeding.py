"""How a foreign model is fed: as a waveform or a spectrogram, of the shape its input declares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from embeddings.audio.configuration import BackboneConfig
from embeddings.audio.container import Samples
from embeddings.audio.frontend import FrontEnd
from embeddings.audio.session import Port

_KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
_SHORTEST_S = 0.1  # of a fixed length of sound; below it the axis holds something else
_SPREAD_FLOOR = 1e-7  # keeps digital silence from being divided by nothing


@dataclass(frozen=True, slots=True)
class Feeding:
    """What a model's input wants.

    Attributes:
        name: Its name.
        kind: Element type.
        is_mel: Log mel power rather than a waveform.
        has_channel: A channel axis of length 1 follows the batch.
        bands_last: A spectrogram ends with bands rather than frames.
        batch: Crops it takes at once; None where any number.
        samples: Samples of a crop.
    """

    name: str
    kind: str
    is_mel: bool
    has_channel: bool
    bands_last: bool
    batch: int | None
    samples: int


def plan_feeding(inputs: tuple[Port, ...], config: BackboneConfig, path: Path) -> Feeding:
    """Find out how a model is fed from the shape of its input.

    Args:
        inputs: What the model declares.
        config: What is configured beside it.
        path: The file, for messages.

    Raises:
        ConfigError: If it has several inputs, or one that is neither sound nor a spectrogram.
    """
    if len(inputs) != 1:
        names = ", ".join(port.name for port in inputs) or "none"
        raise ConfigError(f"{path} has the inputs {names}; export the part that takes audio alone")
    port = inputs[0]
    shape = port.shape
    if port.kind not in _KINDS or len(shape) not in {2, 3, 4}:
        raise ConfigError(
            f"{path} takes {port.kind} {_told(shape)}; a model from waveform (batch, samples) or "
            "log mel (batch, frames, bands) to vectors is needed"
        )
    is_mel = _takes_mel(shape, config)
    if is_mel:
        return _mel_feeding(port, config, path)
    has_channel = len(shape) == 3
    samples = shape[-1] or round(config.crop_s * config.sample_rate_hz)
    too_short = samples < _SHORTEST_S * config.sample_rate_hz
    if len(shape) == 4 or (has_channel and shape[1] not in {1, None}) or too_short:
        raise ConfigError(f"{path} takes {_told(shape)}, which is no waveform; set input")
    return Feeding(port.name, port.kind, False, has_channel, False, shape[0], samples)


def _takes_mel(shape: tuple[int | None, ...], config: BackboneConfig) -> bool:
    if config.input != "auto":
        return config.input == "log_mel"
    return len(shape) == 4 or (len(shape) == 3 and shape[1] != 1)


def _mel_feeding(port: Port, config: BackboneConfig, path: Path) -> Feeding:
    shape, mel = port.shape, config.mel
    if len(shape) == 2 or (len(shape) == 4 and shape[1] not in {1, None}):
        raise ConfigError(f"{path} takes {_told(shape)}, which is no log mel; set input")
    if 2 * mel.max_hz > config.sample_rate_hz:
        raise ConfigError(
            f"mel.max_hz {mel.max_hz:g} needs a sample_rate_hz of at least {2 * mel.max_hz:g}, "
            f"and it is {config.sample_rate_hz}"
        )
    bands_last = _bands_last(shape, config, path)
    bands, frames = (shape[-1], shape[-2]) if bands_last else (shape[-2], shape[-1])
    if bands not in {mel.n_mels, None}:
        raise ConfigError(f"{path} takes {_told(shape)}, and mel.n_mels is {mel.n_mels}; set it")
    samples = mel.samples(frames) if frames else round(config.crop_s * config.sample_rate_hz)
    if samples <= mel.n_fft:
        raise ConfigError(f"{path} takes {_told(shape)}, too short for mel.n_fft {mel.n_fft}")
    return Feeding(port.name, port.kind, True, len(shape) == 4, bands_last, shape[0], samples)


def _bands_last(shape: tuple[int | None, ...], config: BackboneConfig, path: Path) -> bool:
    if config.layout != "auto":
        return config.layout == "frames_bands"
    last, before = (length == config.mel.n_mels for length in (shape[-1], shape[-2]))
    if last == before:
        raise ConfigError(
            f"{path} takes {_told(shape)}, and mel.n_mels is {config.mel.n_mels}: which axis "
            'holds the bands cannot be told; set layout to "frames_bands" or "bands_frames"'
        )
    return last


def fed(waves: Samples, feeding: Feeding, config: BackboneConfig) -> NDArray[np.floating]:
    """Turn crops into what an input wants.

    Args:
        waves: (b, feeding.samples) float32 mono.
        feeding: What the input wants.
        config: How it is made.

    Returns:
        (feeding.batch or b, ...) of the input's kind; a fixed batch is filled up with zeros.
    """
    if config.standardise:
        centred = waves - waves.mean(axis=1, keepdims=True)
        waves = centred / (centred.std(axis=1, keepdims=True) + _SPREAD_FLOOR)
    values = waves
    if feeding.is_mel:
        front = FrontEnd(config.mel, config.sample_rate_hz)
        values = np.stack([front.log_mel(wave) for wave in waves])
        values = values if feeding.bands_last else values.transpose(0, 2, 1)
    if feeding.has_channel:
        values = values[:, None]
    missing = (feeding.batch or len(values)) - len(values)
    if missing:
        values = np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
    return np.ascontiguousarray(values, dtype=_KINDS[feeding.kind])


def _told(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if length is None else str(length) for length in shape) + ")"
