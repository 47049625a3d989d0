"""What happens to recordings on their way: coding, gain, cuts, speed, equalisers, noise, rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy import signal

GAIN_DB = 12.0
LONGEST_CUT_S = 5.0
SPEED = 0.02
SNR_DB = 20.0
BLOCK_FRAMES = 16_384  # libvorbis keeps its buffers on the stack: one long write can overrun it
_TRIAL_S = 10.0  # coded to find the quality that gives a bitrate
_OVERHEAD = 1.03  # of headers, which a constant bitrate does not count

Wave = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Samples as they stand in a file.

    Args:
        wave: (n, channels) float32.
        rate_hz: Samples a second.
    """

    wave: Wave
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Return its length."""
        return len(self.wave) / self.rate_hz


@dataclass(frozen=True, slots=True)
class Coding:
    """How a file is written.

    Args:
        container: Of libsndfile.
        subtype: Of libsndfile.
        kbps: Bitrate to come close to; 0 leaves it to the codec, -1 asks for the lowest.
    """

    container: str = "WAV"
    subtype: str = "FLOAT"  # bears any gain
    kbps: int = 0


@dataclass(frozen=True, slots=True)
class Transformation:
    """One way to change a recording.

    Args:
        required: Recall that near-duplicates must reach; 0 where nothing is required.
        apply: Changes the samples; draws from the generator what is left open.
        coding: How the result is written.
    """

    required: float
    apply: Callable[[Sound, np.random.Generator], Sound]
    coding: Coding = Coding()


def read_sound(path: Path) -> Sound:
    """Read a recording with its channels and at its own rate."""
    wave, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return Sound(wave, rate_hz)


def write_sound(path: Path, sound: Sound, coding: Coding) -> float:
    """Write a recording; return the bitrate that was reached, in kb/s."""
    level = _quality(path, sound, coding) if coding.kbps else None
    _encode(path, sound, coding, level)
    return path.stat().st_size * 8 / 1000 / sound.seconds


def _quality(path: Path, sound: Sound, coding: Coding) -> float:
    """Return the compression level whose bitrate comes closest to the one that is wanted."""
    trial = Sound(sound.wave[: round(_TRIAL_S * sound.rate_hz)], sound.rate_hz)
    low, high = 0.0, 1.0
    if coding.kbps < 0:
        return high
    for _ in range(5):  # to 3 % of the scale: bitrates come in steps anyway
        middle = (low + high) / 2
        _encode(path, trial, coding, middle)
        if path.stat().st_size * 8 / 1000 / trial.seconds > coding.kbps * _OVERHEAD:
            low = middle
        else:
            high = middle
    return high


def _encode(path: Path, sound: Sound, coding: Coding, level: float | None) -> None:
    lossy = coding.container == "MP3"
    with soundfile.SoundFile(
        path,
        "w",
        sound.rate_hz,
        sound.wave.shape[1],
        coding.subtype,
        format=coding.container,
        compression_level=level,
        bitrate_mode="CONSTANT" if lossy else None,
    ) as file:
        for start in range(0, len(sound.wave), BLOCK_FRAMES):
            file.write(sound.wave[start : start + BLOCK_FRAMES])


def unchanged(sound: Sound, rng: np.random.Generator) -> Sound:  # noqa: ARG001
    """Return the sound: what changes it is the coding."""
    return sound


def louder_or_softer(sound: Sound, rng: np.random.Generator) -> Sound:
    """Change the gain by 12 dB, up or down."""
    gain = 10.0 ** (rng.choice([-GAIN_DB, GAIN_DB]) / 20.0)
    return Sound((sound.wave * gain).astype(np.float32), sound.rate_hz)


def louder(sound: Sound, rng: np.random.Generator) -> Sound:  # noqa: ARG001
    """Raise the gain by 12 dB; a coding in integers clips what no longer fits."""
    gain = np.float32(10.0 ** (GAIN_DB / 20.0))
    return Sound(np.clip(sound.wave * gain, -1.0, 1.0), sound.rate_hz)


def trimmed(sound: Sound, rng: np.random.Generator) -> Sound:
    """Cut up to 5 s off the start, the end or both; a third of a short recording at most."""
    most = min(LONGEST_CUT_S, sound.seconds / 3)
    cuts = rng.uniform(0.2 * most, most, 2) * [[1, 0], [0, 1], [1, 1]][rng.integers(3)]
    start, end = np.round(cuts * sound.rate_hz).astype(int)
    return Sound(sound.wave[start : len(sound.wave) - end], sound.rate_hz)


def sped(sound: Sound, rng: np.random.Generator) -> Sound:
    """Play up to 2 % faster or slower, pitch and tempo together; half of them by all of it."""
    change = SPEED if rng.random() < 0.5 else rng.uniform(0.0, SPEED)
    factor = (1.0 + change) ** rng.choice([-1, 1])
    return Sound(soxr.resample(sound.wave, sound.rate_hz * factor, sound.rate_hz), sound.rate_hz)


def equalised(sound: Sound, rng: np.random.Generator) -> Sound:
    """Turn bass, middle and treble up or down by 4 to 8 dB, one to three of them."""
    wave = sound.wave
    nyquist = sound.rate_hz / 2
    chosen = rng.permutation(3)[: rng.integers(1, 4)]
    for band in chosen:
        gain_db = rng.choice([-1, 1]) * rng.uniform(4.0, 8.0)
        centre_hz = min((200.0, 1200.0, 4000.0)[band], 0.7 * nyquist)
        wave = _bell(wave, sound.rate_hz, centre_hz, gain_db, width=(0.5, 0.8, 0.5)[band])
    return Sound(wave, sound.rate_hz)


def noisy(sound: Sound, rng: np.random.Generator) -> Sound:
    """Add white or pink noise, 20 dB below the recording's power."""
    noise = rng.standard_normal(len(sound.wave))
    if rng.random() < 0.5:
        bins = np.maximum(np.arange(len(noise) // 2 + 1), 1)
        noise = np.fft.irfft(np.fft.rfft(noise) / np.sqrt(bins), len(noise))
    power = float(np.mean(np.square(sound.wave, dtype=np.float64)))
    noise *= np.sqrt(power / np.mean(noise**2) * 10.0 ** (-SNR_DB / 10.0))
    return Sound((sound.wave + noise[:, None]).astype(np.float32), sound.rate_hz)


def resampled(sound: Sound, rng: np.random.Generator) -> Sound:  # noqa: ARG001
    """Change the rate to 22.05 kHz, or to 44.1 kHz where it is that already."""
    rate_hz = 44_100 if sound.rate_hz == 22_050 else 22_050
    return Sound(soxr.resample(sound.wave, sound.rate_hz, rate_hz), rate_hz)


def _bell(wave: Wave, rate_hz: int, centre_hz: float, gain_db: float, width: float) -> Wave:
    """Raise or lower what is around a frequency.

    Source:
        Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", peakingEQ.
    """
    amplitude = 10.0 ** (gain_db / 40.0)
    omega = 2.0 * np.pi * centre_hz / rate_hz
    alpha = np.sin(omega) / (2.0 * width)
    middle = -2.0 * np.cos(omega)
    above = np.array([1 + alpha * amplitude, middle, 1 - alpha * amplitude])
    below = np.array([1 + alpha / amplitude, middle, 1 - alpha / amplitude])
    return np.asarray(signal.lfilter(above, below, wave, axis=0), dtype=np.float32)


TRANSFORMATIONS: Mapping[str, Transformation] = {
    "ogg_64": Transformation(0.99, unchanged, Coding("OGG", "VORBIS", 64)),
    "ogg_lowest": Transformation(0.0, unchanged, Coding("OGG", "VORBIS", -1)),
    "mp3_96": Transformation(0.99, unchanged, Coding("MP3", "MPEG_LAYER_III", 96)),
    "gain": Transformation(0.99, louder_or_softer),
    "gain_clipped": Transformation(0.0, louder, Coding("WAV", "PCM_16")),
    "trim": Transformation(0.99, trimmed),
    "speed": Transformation(0.95, sped),
    "equaliser": Transformation(0.95, equalised),
    "noise": Transformation(0.95, noisy),
    "resampling": Transformation(0.95, resampled),
}
