"""Whether two files hold the same samples: the judge of what a fingerprint merged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from embeddings.audio.container import Samples
from embeddings.audio.waveform import SAMPLE_RATE_HZ

WINDOW_S = 2.0
LOW_HZ, HIGH_HZ = 80.0, 2500.0  # what any coding keeps
MAX_DRIFT_S = 0.01


def waveform_correlation(one: Samples, other: Samples) -> float:
    """Return how alike the samples of two recordings are once they are aligned.

    Each window is aligned by itself within 10 ms, so that clocks may drift. Two takes, or two
    renditions of one score, do not agree in phase and correlate little, however alike they sound.

    Args:
        one: (n,) mono at `SAMPLE_RATE_HZ`.
        other: (m,) likewise.

    Returns:
        Median over windows of the greatest correlation; 0 where nothing overlaps.
    """
    band = signal.butter(4, [LOW_HZ, HIGH_HZ], "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    one, other = signal.sosfiltfilt(band, one), signal.sosfiltfilt(band, other)
    whole = signal.correlate(one, other, mode="full", method="fft")
    lag = int(np.abs(whole).argmax()) - (len(other) - 1)
    one, other = one[max(0, lag) :], other[max(0, -lag) :]
    size = round(WINDOW_S * SAMPLE_RATE_HZ)
    starts = range(0, min(len(one), len(other)) - size + 1, size)
    found = [_greatest(one[at : at + size], other[at : at + size]) for at in starts]
    return float(np.median(found)) if found else 0.0


def _greatest(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    power = np.sqrt((one @ one) * (other @ other))
    if power <= 0:
        return 0.0
    room = round(MAX_DRIFT_S * SAMPLE_RATE_HZ)
    near = signal.correlate(one, other, mode="full", method="fft")
    return float(near[len(other) - 1 - room : len(other) + room].max() / power)
