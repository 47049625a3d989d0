"""Instruments: named timbres played from wavetables that change while a note sounds.

A tone is a small stack of single-cycle tables, each with the spectrum of one moment (the filter
closing, the string losing its overtones, the FM index falling); reading them with a crossfade gives
subtractive, additive, plucked and FM sounds from one loop.
"""
# ruff: noqa: E501 - one line an instrument

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from pipelines.music.spectra import Shape, phases, strengths

Audio: TypeAlias = NDArray[np.float32]
Times: TypeAlias = NDArray[np.float64]

N_FRAMES = 10
NYQUIST_SHARE = 0.45  # partials above this share of the sample rate would fold back
TONE_RMS = 0.2
VIBRATO_HZ = 5.4


@dataclass(frozen=True, slots=True)
class Timbre:
    """How one instrument sounds, whatever it plays."""

    name: str
    shape: Shape
    """Spectrum of the source before any filter."""
    centre: int = 60
    """MIDI pitch around which it is written."""
    cutoff_hz: float = 5000.0
    """Where the low-pass settles, at middle brightness."""
    sweep: float = 1.0
    """Cutoff at the start of a note, as a multiple of where it settles."""
    sweep_s: float = 0.2
    """Time constant of the sweep."""
    resonance: float = 0.0
    """Extra gain at the cutoff."""
    decay_s: float = 0.0
    """Time constant of the loss of level; 0 sustains for ever."""
    damping: float = 0.0
    """How much faster overtones are lost, a kilohertz."""
    attack_s: float = 0.005
    release_s: float = 0.08
    unison: int = 1
    """Voices a note."""
    detune_cents: float = 0.0
    """Distance of the outermost voices from the pitch."""
    vibrato_cents: float = 0.0
    fm_ratio: int = 1
    """Modulator frequency over carrier frequency (shape `fm`)."""
    fm_index: float = 0.0
    """Modulation at the start of a note (shape `fm`)."""
    pick: float = 0.0
    """Level of the noise of finger, hammer or breath."""
    drive: float = 0.0
    """Amplifier gain before saturation; 0 is a clean channel."""


_ALL = (
    # sustained and synthetic
    Timbre("soft sine", "sine", 64, attack_s=0.08, release_s=0.5, vibrato_cents=4),
    Timbre("warm pad", "saw", 57, 1400, attack_s=0.25, release_s=0.5, unison=3, detune_cents=11),
    Timbre("glass pad", "organ", 64, 5200, attack_s=0.18, release_s=0.6, unison=2, detune_cents=7, vibrato_cents=5),
    Timbre("choir", "voice", 60, 4200, attack_s=0.16, release_s=0.4, unison=3, detune_cents=14, vibrato_cents=12),
    Timbre("strings", "saw", 60, 3600, attack_s=0.07, release_s=0.25, unison=3, detune_cents=13, vibrato_cents=9, pick=0.02),
    Timbre("supersaw", "saw", 69, 6500, sweep=1.5, attack_s=0.012, release_s=0.14, unison=5, detune_cents=19),
    Timbre("stab synth", "saw", 60, 1500, sweep=3.5, sweep_s=0.09, resonance=0.8, decay_s=0.35, release_s=0.1, unison=2, detune_cents=10),
    Timbre("pulse", "pulse", 69, 9000, attack_s=0.002, release_s=0.02, vibrato_cents=7),
    Timbre("square", "square", 67, 7500, attack_s=0.002, release_s=0.03, vibrato_cents=6),
    Timbre("triangle", "triangle", 60, 9000, attack_s=0.002, release_s=0.02),
    Timbre("acid", "saw", 62, 750, sweep=5.0, sweep_s=0.1, resonance=4.0, attack_s=0.003, release_s=0.04),
    Timbre("organ", "organ", 62, 6000, attack_s=0.006, release_s=0.05, vibrato_cents=6, unison=2, detune_cents=4, pick=0.03),
    # struck and plucked
    Timbre("piano", "hammer", 62, 4200, sweep=1.6, sweep_s=0.25, decay_s=1.3, damping=0.9, release_s=0.14, pick=0.05, unison=2, detune_cents=2),
    Timbre("electric piano", "fm", 62, 4500, decay_s=1.1, damping=0.4, release_s=0.12, fm_ratio=1, fm_index=1.7, sweep_s=0.35, vibrato_cents=3),
    Timbre("fm pluck", "fm", 69, 6000, decay_s=0.3, release_s=0.1, fm_ratio=2, fm_index=3.0, sweep_s=0.12),
    Timbre("glass bell", "fm", 74, 8000, decay_s=1.2, release_s=0.8, fm_ratio=4, fm_index=1.6, sweep_s=0.5),
    Timbre("vibraphone", "mallet", 67, 5200, decay_s=1.2, damping=0.7, release_s=0.4, vibrato_cents=5, pick=0.02),
    Timbre("steel guitar", "pluck", 58, 5200, decay_s=1.2, damping=0.9, release_s=0.12, pick=0.10),
    Timbre("nylon guitar", "pluck", 58, 2400, decay_s=0.8, damping=1.3, release_s=0.12, pick=0.06),
    # blown and bowed
    Timbre("flute", "flute", 74, 4500, attack_s=0.05, release_s=0.1, vibrato_cents=11, pick=0.10),
    Timbre("muted trumpet", "saw", 67, 2600, sweep=0.5, sweep_s=0.06, resonance=1.6, attack_s=0.03, release_s=0.07, vibrato_cents=9),
    Timbre("brass", "saw", 60, 2600, sweep=0.45, sweep_s=0.09, attack_s=0.04, release_s=0.12, unison=2, detune_cents=8, vibrato_cents=5),
    Timbre("fiddle", "saw", 71, 4200, attack_s=0.05, release_s=0.1, vibrato_cents=14, resonance=0.5, pick=0.05),
    Timbre("accordion", "reed", 65, 4800, attack_s=0.03, release_s=0.06, unison=2, detune_cents=9),
    # amplified
    Timbre("lead guitar", "pluck", 67, 4200, decay_s=2.5, damping=0.3, release_s=0.08, vibrato_cents=10, pick=0.05, drive=5.0),
    Timbre("distorted guitar", "saw", 47, 4200, decay_s=1.6, damping=0.2, attack_s=0.004, release_s=0.05, unison=2, detune_cents=6, drive=9.0),
    Timbre("crunch guitar", "pluck", 50, 4800, decay_s=1.6, damping=0.4, release_s=0.06, pick=0.06, drive=3.5),
    # low
    Timbre("sub", "sine", 36, attack_s=0.008, release_s=0.06),
    Timbre("synth bass", "saw", 36, 520, sweep=4.0, sweep_s=0.12, resonance=0.9, attack_s=0.003, release_s=0.04),
    Timbre("reese", "saw", 36, 900, attack_s=0.008, release_s=0.06, unison=3, detune_cents=17),
    Timbre("finger bass", "pluck", 36, 1100, decay_s=0.9, damping=1.5, release_s=0.06, pick=0.04),
    Timbre("pick bass", "pluck", 36, 2200, decay_s=1.0, damping=0.7, release_s=0.05, pick=0.10, drive=1.5),
    Timbre("upright bass", "pluck", 36, 700, decay_s=0.6, damping=2.0, release_s=0.08, pick=0.06),
    Timbre("cello", "saw", 43, 1700, attack_s=0.07, release_s=0.15, unison=2, detune_cents=8, vibrato_cents=9),
    Timbre("brass bass", "saw", 40, 900, sweep=0.5, sweep_s=0.09, attack_s=0.04, release_s=0.1),
)  # fmt: skip

TIMBRES: dict[str, Timbre] = {timbre.name: timbre for timbre in _ALL}


def timbre_named(name: str) -> Timbre:
    """Look a timbre up by its name.

    Raises:
        DataError: if there is none of that name.
    """
    if name not in TIMBRES:
        raise DataError(f"instrument {name!r} is unknown: choose one of {', '.join(TIMBRES)}")
    return TIMBRES[name]


def play_tone(
    timbre: Timbre, pitch: int, held_s: float, sample_rate_hz: int, brightness: float
) -> Audio:
    """Sound one note at full force.

    Args:
        timbre: The instrument.
        pitch: MIDI pitch.
        held_s: Seconds until the release begins.
        sample_rate_hz: Samples a second.
        brightness: 0 dark to 1 bright.

    Returns:
        (n,) float32; n covers the hold and the release, and both ends are silent.
    """
    n = int((held_s + timbre.release_s) * sample_rate_hz)
    seconds = np.arange(n, dtype=np.float64) / sample_rate_hz
    frames = _frames(timbre, pitch, sample_rate_hz, round(brightness, 1))
    tone = np.zeros(n, dtype=np.float32)
    bend = _bend(timbre, n, sample_rate_hz)
    places = _places(timbre, seconds) if len(frames) > 1 else None
    for hz in _voices_hz(timbre, pitch):
        tone += _read(frames, (seconds + bend) * hz, places)
    tone *= 1.0 / np.sqrt(timbre.unison)
    if timbre.pick > 0:
        noise = _noise(timbre.name, sample_rate_hz)[:n]
        tone[: noise.size] += noise * timbre.pick
    return tone * _envelope(timbre, n, sample_rate_hz)


def frequency_hz(pitch: int) -> float:
    """Give the frequency of a MIDI pitch in equal temperament."""
    return float(440.0 * 2.0 ** ((pitch - 69) / 12.0))


def _horizon_s(timbre: Timbre) -> float:
    """Time after which the spectrum no longer changes."""
    return max(4.0 * timbre.decay_s, 5.0 * timbre.sweep_s)


def _changes(timbre: Timbre) -> bool:
    return timbre.decay_s > 0 or timbre.sweep != 1.0 or timbre.fm_index > 0


@lru_cache(maxsize=512)
def _frames(timbre: Timbre, pitch: int, sample_rate_hz: int, brightness: float) -> Audio:
    """Build the tables of a tone: (n_frames, size), the loudest at `TONE_RMS`."""
    hz = frequency_hz(pitch)
    n_partials = int(np.clip(NYQUIST_SHARE * sample_rate_hz / hz, 1, 160))
    # 32 points a cycle of the highest partial keep the error of reading without interpolation low
    size = int(2 ** np.ceil(np.log2(np.clip(32 * n_partials, 512, 4096))))
    share = np.linspace(0.0, 1.0, N_FRAMES if _changes(timbre) else 1)
    at_s = (share**2 * _horizon_s(timbre))[:, None]
    partial = np.arange(1, n_partials + 1, dtype=np.int64)
    openness = 2.0 ** (2.6 * (brightness - 0.5))
    index = timbre.fm_index * openness**0.5 * (0.25 + 0.75 * np.exp(-at_s[:, 0] / timbre.sweep_s))
    source = strengths(timbre.shape, partial, hz, timbre.fm_ratio, index)
    heard_hz = np.asarray(partial * hz, dtype=np.float64)
    loudness: Times = source * _filter(timbre, heard_hz, at_s, openness)
    spectrum = np.zeros((share.size, size // 2 + 1), dtype=np.complex128)
    spectrum[:, 1 : n_partials + 1] = loudness * np.exp(1j * phases(timbre.name, n_partials))
    tables = np.fft.irfft(spectrum, n=size, axis=1)
    loudest = np.sqrt(np.mean(tables**2, axis=1)).max()
    return np.asarray(tables * (TONE_RMS / loudest), dtype=np.float32)


def _filter(timbre: Timbre, hz: Times, at_s: Times, openness: float) -> Times:
    swept = 1.0 + (timbre.sweep - 1.0) * np.exp(-at_s / timbre.sweep_s)
    cutoff_hz = np.maximum(openness * timbre.cutoff_hz * swept, 1.2 * hz[0])
    ratio = hz / cutoff_hz
    gain = (1.0 + timbre.resonance * np.exp(-((4.0 * np.log2(ratio)) ** 2))) / np.sqrt(1 + ratio**5)
    if timbre.decay_s > 0:
        gain = gain * np.exp(-at_s * (1.0 + timbre.damping * hz / 1000.0) / timbre.decay_s)
    return np.asarray(gain)


def _voices_hz(timbre: Timbre, pitch: int) -> list[float]:
    """Spread the voices of a note evenly around its pitch."""
    spread = [0.0] if timbre.unison == 1 else np.linspace(-1.0, 1.0, timbre.unison).tolist()
    return [frequency_hz(pitch) * 2.0 ** (side * timbre.detune_cents / 1200.0) for side in spread]


def _bend(timbre: Timbre, n: int, sample_rate_hz: int) -> Times | float:
    """Give the seconds by which vibrato runs ahead of the beat of a plain tone."""
    if timbre.vibrato_cents == 0:
        return 0.0
    depth = (2.0 ** (timbre.vibrato_cents / 1200.0) - 1.0) / (2 * np.pi * VIBRATO_HZ)
    longest = 1 << (max(n, 1) - 1).bit_length()  # few lengths, so that the cache is hit
    return np.asarray(depth * _sway(longest, sample_rate_hz)[:n])


@lru_cache(maxsize=64)
def _sway(n: int, sample_rate_hz: int) -> Times:
    """Make a vibrato of depth 1 that sets in slowly, as players do."""
    seconds = np.arange(n) / sample_rate_hz
    return np.asarray(np.minimum(seconds / 0.35, 1.0) * np.sin(2 * np.pi * VIBRATO_HZ * seconds))


def _places(timbre: Timbre, seconds: Times) -> Times:
    last = N_FRAMES - 1
    return np.asarray(np.minimum(last * np.sqrt(seconds / _horizon_s(timbre)), last - 1e-6))


def _read(frames: Audio, cycles: Times, places: Times | None) -> Audio:
    size = frames.shape[1]
    inside = (cycles * size).astype(np.int64) & (size - 1)
    flat = frames.ravel()
    if places is None:
        return np.asarray(flat[inside])
    below = places.astype(np.int64)
    share = (places - below).astype(np.float32)
    inside += below * size
    low, high = flat[inside], flat[inside + size]
    return np.asarray(low + share * (high - low))


def _envelope(timbre: Timbre, n: int, sample_rate_hz: int) -> Audio:
    gain = np.ones(n, dtype=np.float32)
    n_attack = min(max(int(timbre.attack_s * sample_rate_hz), 16), n // 2)
    n_release = min(max(int(timbre.release_s * sample_rate_hz), 16), n - n_attack)
    gain[:n_attack] = np.sin(np.linspace(0.0, np.pi / 2, n_attack)) ** 2
    gain[n - n_release :] *= np.linspace(1.0, 0.0, n_release) ** 2
    return gain


@lru_cache(maxsize=128)
def _noise(name: str, sample_rate_hz: int) -> Audio:
    n = int(0.03 * sample_rate_hz)
    drawn = np.random.default_rng(zlib.crc32(name.encode())).normal(0.0, 1.0, n)
    smooth = np.convolve(drawn, np.ones(4) / 4.0, mode="same")
    return np.asarray(smooth * np.exp(-np.linspace(0.0, 6.0, n)), dtype=np.float32)
