"""Power spectra over time, and bands that divide them as ears do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Samples = NDArray[np.float32]
Values = NDArray[np.float64]


def mono_of(samples: Samples) -> Samples:
    """Return (n,) the mean of the channels of (n,) or (n, channels)."""
    return samples if samples.ndim == 1 else np.asarray(samples.mean(axis=1))


def power_spectra(samples: Samples, rate_hz: int, size: int, hop: int) -> tuple[Values, Values]:
    """Return the power spectra of windows.

    Args:
        samples: (n,) or (n, channels); channels are mixed to one.
        rate_hz: Samples a second.
        size: Length of a window, samples.
        hop: From one window to the next, samples.

    Returns:
        (size // 2 + 1,) frequencies in Hz, and (size // 2 + 1, windows) power.
    """
    mono = mono_of(samples)
    if len(mono) < size:
        mono = np.pad(mono, (0, size - len(mono)))
    hz, _, spectrum = signal.stft(mono, rate_hz, nperseg=size, noverlap=size - hop, padded=False)
    return hz, spectrum.real**2 + spectrum.imag**2


def triangular_bands(hz: Values, count: int, low_hz: float, high_hz: float) -> Values:
    """Return (count, len(hz)) overlapping triangles whose middles lie evenly on a log scale."""
    edges = np.geomspace(low_hz, high_hz, count + 2)
    rise = (hz[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - hz[None]) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.maximum(0.0, np.minimum(rise, fall)))
