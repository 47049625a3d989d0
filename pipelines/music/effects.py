"""Effects: saturation, room, echo, ducking and the final level; stereo is planar here, (2, n)."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Audio = NDArray[np.float32]

BLOCK_S = 0.05
CEILING = 0.89  # -1 dBFS: room for what a lossy codec adds at the peaks
KNEE = 0.6
SILENCE = 1e-9


def saturate(sound: Audio, drive: float, sample_rate_hz: int) -> Audio:
    """Play a line through an overdriven amplifier and its cabinet.

    Args:
        sound: (n,) the clean line.
        drive: Gain before the clipping stage.
        sample_rate_hz: Samples a second.

    Returns:
        (n,) the amplified line.
    """
    tight = signal.sosfilt(_sections(1, 110.0, "highpass", sample_rate_hz), sound)
    clipped = np.tanh(tight * (drive / max(block_level(sound, sample_rate_hz), SILENCE) * 0.25))
    return _float32(signal.sosfilt(_sections(4, 4600.0, "lowpass", sample_rate_hz), clipped))


def darken(sound: Audio, cutoff_hz: float, sample_rate_hz: int) -> Audio:
    """Take the highs away, as worn tape does; `sound` is (2, n)."""
    sections = _sections(2, cutoff_hz, "lowpass", sample_rate_hz)
    return _float32(signal.sosfilt(sections, sound))


def add_echo(sound: Audio, delay_s: float, level: float, sample_rate_hz: int) -> Audio:
    """Add three echoes that swap sides, each weaker than the last; `sound` is (2, n)."""
    echoed = sound.copy()
    for count in (1, 2, 3):
        late = int(count * delay_s * sample_rate_hz)
        if late < sound.shape[1]:
            source = sound[::-1] if count % 2 else sound
            echoed[:, late:] += np.float32(level**count) * source[:, : sound.shape[1] - late]
    return echoed


def add_room(sound: Audio, room_s: float, wet: float, sample_rate_hz: int) -> Audio:
    """Add the reverberation of a room.

    Args:
        sound: (2, n) dry sound.
        room_s: Time in which the reverberation falls by 60 dB.
        wet: Share of reverberation, 0 to 1.
        sample_rate_hz: Samples a second.

    Returns:
        (2, n) dry and wet sound together; what rings past the end is cut.
    """
    n = sound.shape[1]
    response = _room(room_s, sample_rate_hz)
    size = fft.next_fast_len(n + response.shape[1], real=True)
    mono = np.float32(0.5) * (sound[0] + sound[1])
    ringing = fft.irfft(fft.rfft(mono, size) * fft.rfft(response, size), size)[:, :n]
    return _float32(sound * np.float32(1.0 - 0.5 * wet) + np.float32(wet) * ringing)


@lru_cache(maxsize=32)
def _room(room_s: float, sample_rate_hz: int) -> Audio:
    """Make an impulse response of unit energy, (2, n): decaying noise that loses its highs."""
    n = int(room_s * sample_rate_hz)
    noise = np.random.default_rng(60).normal(0.0, 1.0, (2, n))
    seconds = np.arange(n) / sample_rate_hz
    dark = signal.sosfilt(_sections(1, 1800.0, "lowpass", sample_rate_hz), noise)
    fade = np.exp(-6.9 * seconds / room_s)  # e^-6.9 is -60 dB
    early = np.minimum(seconds / 0.012, 1.0)
    tail = early * fade * (dark * 1.6 + noise * 0.5 * np.exp(-12.0 * seconds / room_s))
    return _float32(tail / np.sqrt(np.sum(tail**2, axis=1, keepdims=True)))


def duck_under(start_s: NDArray[np.float64], depth: float, n: int, sample_rate_hz: int) -> Audio:
    """Make a gain that gives way to each kick and comes back within a quarter of a second.

    Args:
        start_s: (n_kicks,) times of the kicks.
        depth: Share of the level that is taken away.
        n: Samples of the piece.
        sample_rate_hz: Samples a second.

    Returns:
        (n,) gain between 1 - depth and 1.
    """
    gain = np.ones(n, dtype=np.float32)
    dip = 1.0 - depth * np.cos(np.linspace(0.0, np.pi / 2, int(0.25 * sample_rate_hz))) ** 2
    for at in (start_s * sample_rate_hz).astype(int):
        window = gain[at : at + dip.size]
        np.minimum(window, dip[: window.size], out=window)
    return gain


def block_level(sound: Audio, sample_rate_hz: int) -> float:
    """Measure how loud the sounding parts are.

    Args:
        sound: (n,) or (2, n).
        sample_rate_hz: Samples a second.

    Returns:
        RMS over the blocks of 50 ms that lie within 20 dB of the loudest; 0 for silence.
    """
    size = int(BLOCK_S * sample_rate_hz)
    mono = sound if sound.ndim == 1 else np.float32(0.5) * (sound[0] + sound[1])
    blocks = mono[: mono.size // size * size].reshape(-1, size)
    power = np.einsum("ij,ij->i", blocks, blocks) / size
    if power.size == 0 or power.max() < SILENCE:
        return 0.0
    return float(np.sqrt(np.mean(power[power > 0.01 * power.max()])))


def bring_to_level(sound: Audio, level_db: float, sample_rate_hz: int) -> Audio:
    """Scale a sound so that its sounding parts have an RMS level in dBFS; silence stays silent."""
    level = block_level(sound, sample_rate_hz)
    return sound * np.float32(10 ** (level_db / 20.0) / level) if level > 0 else sound


def remove_offset(sound: Audio, sample_rate_hz: int) -> Audio:
    """Take away what lies below hearing and would only cost headroom; `sound` is (2, n)."""
    return _float32(signal.sosfilt(_sections(1, 25.0, "highpass", sample_rate_hz), sound))


def limit_peaks(sound: Audio) -> Audio:
    """Bend peaks smoothly below `CEILING`; what lies under the knee is not touched."""
    limited = sound.copy()
    is_high = np.abs(sound) > KNEE
    high, room = sound[is_high], CEILING - KNEE
    limited[is_high] = np.copysign(KNEE + room * np.tanh((np.abs(high) - KNEE) / room), high)
    return limited


def fade_ends(sound: Audio, in_s: float, out_s: float, sample_rate_hz: int) -> Audio:
    """Fade the first and the last moments of (2, n) to silence."""
    n_in, n_out = int(in_s * sample_rate_hz), int(out_s * sample_rate_hz)
    faded = sound.copy()
    faded[:, :n_in] *= np.linspace(0.0, 1.0, n_in, dtype=np.float32)
    faded[:, sound.shape[1] - n_out :] *= np.linspace(1.0, 0.0, n_out, dtype=np.float32) ** 1.5
    return faded


def _sections(order: int, hz: float, kind: str, sample_rate_hz: int) -> NDArray[np.float64]:
    top_hz = min(hz, 0.45 * sample_rate_hz)
    return np.asarray(signal.butter(order, top_hz, kind, fs=sample_rate_hz, output="sos"))


def _float32(sound: Any) -> Audio:
    return np.asarray(sound, dtype=np.float32)
