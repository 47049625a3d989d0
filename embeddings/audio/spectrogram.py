"""Log-mel spectrograms: what the encoder hears."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, sparse

from embeddings.audio.waveform import SAMPLE_RATE_HZ

N_FFT = 2048  # 93 ms, 10.8 Hz a bin: separates neighbouring semitones above 180 Hz
HOP = 512
HOP_S = HOP / SAMPLE_RATE_HZ  # 23.2 ms, 43 frames a second: an onset falls within one frame
N_MELS = 128  # against 64: a few hundredths more in retrieval by album, docs/audio.md
MEL_MIN_HZ = 30.0  # below the lowest string of a bass (41 Hz)
MEL_MAX_HZ = 11_000.0  # just under the Nyquist frequency of 11,025 Hz
FLOOR = 1e-11  # -110 dB full scale, below the noise of 16 bits in one mel band
_BLOCK_FRAMES = 1024  # 24 s: bounds the memory of a long recording to 17 MB


def frame_count(n_samples: int) -> int:
    """Return how many whole frames fit into so many samples."""
    return max(0, 1 + (n_samples - N_FFT) // HOP)


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn a waveform into log mel power.

    Args:
        samples: (n,) mono in [-1, 1] at `SAMPLE_RATE_HZ`.

    Returns:
        (frame_count(n), N_MELS) float32 in log10 of power, where 0 is a full-scale sine alone in
        its band spread over the band's width; never below log10(FLOOR) = -11.
    """
    frames = frame_count(len(samples))
    mels = np.empty((frames, N_MELS), dtype=np.float32)
    bank = _sparse_bank()
    for start in range(0, frames, _BLOCK_FRAMES):
        stop = min(start + _BLOCK_FRAMES, frames)
        part = samples[start * HOP : (stop - 1) * HOP + N_FFT]
        # Two bands at most share a bin: the sparse product is faster, and starts no BLAS team
        # inside the threads that decode.
        mels[start:stop] = np.log10(bank @ power_frames(part).T + FLOOR).T
    return mels


def power_frames(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the power of each frame and frequency.

    Args:
        samples: (n,) mono at `SAMPLE_RATE_HZ`.

    Returns:
        (frames, N_FFT / 2 + 1) float32, scaled so that a full-scale sine on a bin has power 1.
    """
    if len(samples) < N_FFT:
        return np.empty((0, N_FFT // 2 + 1), dtype=np.float32)
    window = hann_window()
    framed = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP]
    spectrum = fft.rfft(framed * window, axis=1)
    scale = np.float32((2.0 / window.sum()) ** 2)
    power: NDArray[np.float32] = (spectrum.real**2 + spectrum.imag**2) * scale
    return power


@cache
def hann_window() -> NDArray[np.float32]:
    """Return the periodic Hann window (N_FFT,)."""
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    window.flags.writeable = False
    return window


@cache
def mel_bank() -> NDArray[np.float32]:
    """Return triangular filters, each a weighted mean of the bins it covers.

    Returns:
        (N_MELS, N_FFT / 2 + 1) float32, rows summing to 1.

    Source:
        The mel scale of O'Shaughnessy 1987: 2595 log10(1 + f / 700).
    """
    bank = triangles(mel_edges_hz(), np.arange(N_FFT // 2 + 1) * SAMPLE_RATE_HZ / N_FFT)
    unit: NDArray[np.float32] = (bank / bank.sum(axis=1, keepdims=True)).astype(np.float32)
    unit.flags.writeable = False
    return unit


def triangles(edges_hz: NDArray[np.float64], bins_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return triangular filters of height 1.

    Args:
        edges_hz: (n + 2,) ascending; filter m rises from edge m, peaks at m + 1 and ends at m + 2.
        bins_hz: (bins,) frequencies to weigh.

    Returns:
        (n, bins).
    """
    low, middle, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising, falling = (bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle)
    return np.maximum(0.0, np.minimum(rising, falling))


@cache
def _sparse_bank() -> sparse.csr_matrix:
    return sparse.csr_matrix(mel_bank())


@cache
def mel_edges_hz() -> NDArray[np.float64]:
    """Return the N_MELS + 2 corner frequencies; band m runs from edge m to edge m + 2."""
    low, high = (2595 * np.log10(1 + f / 700) for f in (MEL_MIN_HZ, MEL_MAX_HZ))
    points: NDArray[np.float64] = np.linspace(low, high, N_MELS + 2)
    return 700 * (10 ** (points / 2595) - 1)
