"""Loudness as EBU R128 measures it, and the peaks that a player will really meet."""

from __future__ import annotations

import warnings

import numpy as np
import pyloudnorm
from scipy import signal

from embeddings.measures.spectra import Samples

BLOCK_S = 0.4  # a gating block of ITU-R BS.1770-4
SILENT_LUFS = -70.0  # the absolute gate of BS.1770-4: below it nothing is counted
OVERSAMPLING = 4  # BS.1770-4, annex 2: within 0.7 dB of the true peak at 48 kHz
WEIGHTED_CHANNELS = 5  # as many have a weight in BS.1770-4


def integrated_lufs(samples: Samples, rate_hz: int) -> float:
    """Return the integrated loudness.

    Something shorter than a gating block has none of its own; it is repeated until it fills one,
    so that a loop is as loud as it is when it plays on.

    Args:
        samples: (n,) or (n, channels), at least one sample.
        rate_hz: Samples a second.

    Returns:
        LUFS; minus infinity where everything lies below the absolute gate of -70 LUFS.

    Source: EBU R 128 (2020), ITU-R BS.1770-4, by the package pyloudnorm.
    """
    columns = samples.reshape(len(samples), -1).astype(np.float64)
    if columns.shape[1] > WEIGHTED_CHANNELS:
        columns = columns.mean(axis=1, keepdims=True)
    least = int(np.ceil(BLOCK_S * rate_hz)) + 1
    if len(columns) < least:
        columns = np.tile(columns, (-(-least // len(columns)), 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it takes the mean of no block at all
        return float(pyloudnorm.Meter(rate_hz).integrated_loudness(columns))


def true_peaks(samples: Samples) -> Samples:
    """Return the highest absolute value about each sample, over channels and between samples.

    Args:
        samples: (n,) or (n, channels).

    Returns:
        (n,) float32 linear; the wave is oversampled, as a converter does.
    """
    columns = samples.reshape(len(samples), -1)
    highest = np.zeros(len(columns), dtype=np.float32)
    for channel in range(columns.shape[1]):
        fine = signal.resample_poly(np.ascontiguousarray(columns[:, channel]), OVERSAMPLING, 1)
        fine = np.abs(fine)
        for phase in range(OVERSAMPLING):  # whole columns: numpy takes the maximum of rows slowly
            np.maximum(highest, fine[phase::OVERSAMPLING], out=highest)
    return highest


def true_peak_db(samples: Samples) -> float:
    """Return the true peak, dB against full scale (dBTP)."""
    peak = float(true_peaks(samples).max(initial=0.0))
    return float(20.0 * np.log10(peak)) if peak > 0 else float("-inf")
