"""Percussion: kits of drums, each a falling tone plus shaped noise."""
# ruff: noqa: E501 - one line a drum

import zlib
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from core.errors import DataError
from pipelines.music.score import DRUMS


@dataclass(frozen=True, slots=True)
class Strike:
    """One drum: a body that falls in pitch, and noise between two frequencies."""

    body_hz: float = 0.0
    """Where the tone settles; 0 has no tone."""
    drop: float = 1.0
    """Pitch at the start, as a multiple of where it settles."""
    drop_s: float = 0.03
    """Time constant of the fall."""
    body_s: float = 0.15
    """Time constant of the tone's level."""
    noise: float = 0.0
    """Level of the noise against the tone."""
    low_hz: float = 200.0
    high_hz: float = 12000.0
    noise_s: float = 0.08
    """Time constant of the noise's level."""
    bursts: int = 1
    """Noise starts, 11 ms apart: several make a clap."""
    attack_s: float = 0.001
    peak: float = 0.8
    """Largest sample at full force."""


_CLUB = {
    "kick": Strike(48, 5.0, 0.028, 0.16, 0.15, 1500, 8000, 0.006, peak=1.0),
    "snare": Strike(190, 1.5, 0.02, 0.07, 1.0, 900, 9000, 0.09, peak=0.75),
    "clap": Strike(noise=1.0, low_hz=900, high_hz=5000, noise_s=0.07, bursts=4, peak=0.6),
    "hat": Strike(noise=1.0, low_hz=7500, high_hz=15000, noise_s=0.02, peak=0.3),
    "open": Strike(noise=1.0, low_hz=6500, high_hz=15000, noise_s=0.11, peak=0.32),
    "ride": Strike(noise=1.0, low_hz=5000, high_hz=12000, noise_s=0.25, peak=0.18),
    "crash": Strike(noise=1.0, low_hz=3500, high_hz=14000, noise_s=0.6, peak=0.35),
    "tom_high": Strike(150, 1.7, 0.06, 0.16, 0.1, peak=0.7),
    "tom_low": Strike(95, 1.7, 0.06, 0.2, 0.1, peak=0.75),
    "shaker": Strike(noise=1.0, low_hz=5000, high_hz=13000, noise_s=0.035, attack_s=0.02, peak=0.16),
    "rim": Strike(1150, 1.1, 0.01, 0.012, 0.5, 1500, 7000, 0.012, peak=0.4),
    "timpani": Strike(98, 1.08, 0.1, 0.45, 0.15, 100, 1200, 0.06, peak=0.8),
}  # fmt: skip

KITS: dict[str, dict[str, Strike]] = {
    "club": _CLUB,
    "machine": _CLUB | {
        "kick": Strike(52, 3.2, 0.045, 0.3, 0.06, 1000, 5000, 0.005, peak=1.0),
        "snare": Strike(185, 1.3, 0.03, 0.12, 1.3, 500, 8000, 0.22, peak=0.75),
        "clap": Strike(noise=1.0, low_hz=700, high_hz=4000, noise_s=0.13, bursts=4, peak=0.6),
        "hat": Strike(6200, 1.0, 0.01, 0.015, 1.0, 8000, 15000, 0.03, peak=0.28),
        "rim": Strike(820, 1.0, 0.01, 0.02, 0.2, peak=0.4),
    },
    "acoustic": _CLUB | {
        "kick": Strike(62, 2.4, 0.025, 0.1, 0.25, 800, 4500, 0.012, peak=0.95),
        "snare": Strike(205, 1.25, 0.02, 0.09, 0.9, 700, 11000, 0.12, peak=0.8),
        "hat": Strike(noise=1.0, low_hz=6000, high_hz=15000, noise_s=0.035, peak=0.3),
        "ride": Strike(3300, 1.0, 0.01, 0.08, 0.8, 4500, 13000, 0.35, peak=0.24),
        "crash": Strike(noise=1.0, low_hz=2800, high_hz=15000, noise_s=0.8, peak=0.4),
    },
    "metal": _CLUB | {
        "kick": Strike(58, 4.0, 0.012, 0.08, 0.55, 2500, 9000, 0.008, peak=0.95),
        "snare": Strike(220, 1.3, 0.015, 0.08, 1.2, 1200, 12000, 0.1, peak=0.9),
        "hat": Strike(noise=1.0, low_hz=5500, high_hz=15000, noise_s=0.06, peak=0.33),
        "ride": Strike(3000, 1.0, 0.01, 0.1, 0.9, 4000, 13000, 0.4, peak=0.28),
        "crash": Strike(noise=1.0, low_hz=2500, high_hz=15000, noise_s=0.9, peak=0.5),
    },
    "brush": _CLUB | {
        "kick": Strike(68, 1.8, 0.02, 0.09, 0.1, 300, 2000, 0.02, peak=0.6),
        "snare": Strike(noise=1.0, low_hz=1800, high_hz=9000, noise_s=0.09, attack_s=0.015, peak=0.35),
        "hat": Strike(noise=1.0, low_hz=7000, high_hz=14000, noise_s=0.03, peak=0.22),
        "ride": Strike(2900, 1.0, 0.01, 0.12, 0.6, 4500, 12000, 0.4, peak=0.3),
    },
    "hand": _CLUB | {
        "kick": Strike(82, 1.6, 0.03, 0.12, 0.15, 300, 2500, 0.015, peak=0.7),
        "snare": Strike(260, 1.4, 0.02, 0.06, 0.4, 900, 5000, 0.03, peak=0.55),
        "rim": Strike(410, 1.2, 0.01, 0.04, 0.3, 800, 4000, 0.01, peak=0.4),
    },
    "dusty": _CLUB | {
        "kick": Strike(58, 2.6, 0.03, 0.14, 0.2, 300, 2500, 0.012, peak=0.95),
        "snare": Strike(175, 1.3, 0.02, 0.08, 0.9, 500, 4500, 0.1, peak=0.7),
        "hat": Strike(noise=1.0, low_hz=4000, high_hz=9000, noise_s=0.03, peak=0.22),
    },
    "chip": _CLUB | {
        "kick": Strike(70, 6.0, 0.02, 0.07, peak=0.8),
        "snare": Strike(noise=1.0, low_hz=800, high_hz=14000, noise_s=0.06, peak=0.5),
        "hat": Strike(noise=1.0, low_hz=6000, high_hz=15000, noise_s=0.012, peak=0.28),
        "crash": Strike(noise=1.0, low_hz=1500, high_hz=15000, noise_s=0.3, peak=0.35),
    },
    "orchestra": _CLUB | {
        "kick": Strike(55, 1.4, 0.05, 0.35, 0.1, 100, 700, 0.05, peak=0.8),
        "snare": Strike(230, 1.2, 0.02, 0.06, 1.1, 1000, 9000, 0.08, peak=0.45),
        "crash": Strike(noise=1.0, low_hz=2000, high_hz=14000, noise_s=1.2, peak=0.4),
    },
    "soft": _CLUB | {
        "kick": Strike(55, 1.6, 0.04, 0.2, 0.05, 200, 900, 0.02, peak=0.6),
        "rim": Strike(620, 1.0, 0.01, 0.05, 0.1, peak=0.25),
        "shaker": Strike(noise=1.0, low_hz=4000, high_hz=10000, noise_s=0.05, attack_s=0.015, peak=0.2),
    },
}  # fmt: skip


def kit_named(name: str) -> dict[str, Strike]:
    """Look a kit up by its name.

    Raises:
        DataError: if there is none of that name.
    """
    if name not in KITS:
        raise DataError(f"kit {name!r} is unknown: choose one of {', '.join(sorted(KITS))}")
    return KITS[name]


@lru_cache(maxsize=512)
def strike_drum(kit: str, drum: int, sample_rate_hz: int, brightness: float) -> NDArray[np.float32]:
    """Sound one drum at full force.

    Args:
        kit: A name in `KITS`.
        drum: Index into `score.DRUMS`.
        sample_rate_hz: Samples a second.
        brightness: 0 dark to 1 bright: moves the upper edge of the noise.

    Returns:
        (n,) float32, silent at its end. Shared between calls: never write to it.
    """
    strike = kit_named(kit)[DRUMS[drum]]
    opened = replace(strike, high_hz=strike.high_hz * 2.0 ** (1.6 * (brightness - 0.5)))
    seconds = np.arange(int(_length_s(strike) * sample_rate_hz)) / sample_rate_hz
    sound = _body(opened, seconds) + opened.noise * _noise(opened, drum, seconds, sample_rate_hz)
    sound *= np.minimum(seconds / strike.attack_s, 1.0) * np.linspace(1.0, 0.0, seconds.size)
    struck = np.asarray(sound * (strike.peak / np.abs(sound).max()), dtype=np.float32)
    struck.setflags(write=False)
    return struck


def _length_s(strike: Strike) -> float:
    tone_s = strike.body_s if strike.body_hz > 0 else 0.0
    noise_s = strike.noise_s if strike.noise > 0 else 0.0
    return 6.0 * max(tone_s, noise_s) + 0.05


def _body(strike: Strike, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    if strike.body_hz == 0:
        return np.zeros_like(seconds)
    # the integral of body_hz * (1 + (drop - 1) e^(-t / drop_s))
    slide = (strike.drop - 1.0) * strike.drop_s * (1.0 - np.exp(-seconds / strike.drop_s))
    tone = np.sin(2 * np.pi * strike.body_hz * (seconds + slide))
    return np.asarray(tone * np.exp(-seconds / strike.body_s))


def _noise(
    strike: Strike, drum: int, seconds: NDArray[np.float64], sample_rate_hz: int
) -> NDArray[np.float64]:
    if strike.noise == 0:
        return np.zeros_like(seconds)
    rng = np.random.default_rng(zlib.crc32(DRUMS[drum].encode()))
    top_hz = 0.47 * sample_rate_hz
    edges = (
        min(strike.low_hz, 0.6 * top_hz),
        min(max(strike.high_hz, 1.5 * strike.low_hz), top_hz),
    )
    sections = signal.butter(2, edges, "bandpass", fs=sample_rate_hz, output="sos")
    hiss = signal.sosfilt(sections, rng.normal(0.0, 1.0, seconds.size))
    hiss = hiss / np.abs(hiss).max()
    level = np.zeros_like(seconds)
    for burst in range(strike.bursts):
        since = seconds - 0.011 * burst
        fading_s = strike.noise_s if burst == strike.bursts - 1 else 0.008
        level += np.where(since >= 0, np.exp(-np.maximum(since, 0.0) / fading_s), 0.0)
    return np.asarray(hiss * level)
