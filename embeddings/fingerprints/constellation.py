"""The strongest peaks of a recording in time and pitch: what survives coding, gain and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from embeddings.audio.container import Samples
from embeddings.audio.waveform import SAMPLE_RATE_HZ

N_FFT = 4096  # 186 ms, 5.4 Hz a bin: separates semitones above 90 Hz
HOP = 512
FRAMES_PER_S = SAMPLE_RATE_HZ / HOP  # 43.07
LOWEST_HZ = 440.0 * 2.0 ** (-15 / 12)  # 185 Hz, a note of A440: played notes fall into cell centres
CELLS_PER_OCTAVE = 24
N_CELLS = 108  # 4.5 octaves, up to 4.2 kHz: above it lossy coding and noise leave little
FLOOR = 1e-6  # of the loudest cell, -60 dB: what is softer is noise or dither
# Neighbourhood in which a peak is the greatest: 93 ms and an eighth of an octave either way.
REACH_FRAMES, REACH_CELLS = 4, 3
BACKGROUND_FRAMES = 65  # 1.5 s: what lasts longer is background, not a peak
BACKGROUND_CELLS = 49  # two octaves: tilts of an equaliser are flat within it
MIN_SALIENCE = 0.5  # 2 dB above the background
PEAKS_PER_S = 16
MAX_PEAKS = 600  # 2.4 kB; 37 s at full density, 5 a second over two minutes
_BIN_HZ = SAMPLE_RATE_HZ / N_FFT
_BLOCK_FRAMES = 256  # 2 MB of spectra at a time


@dataclass(frozen=True, slots=True, eq=False)
class Constellation:
    """Peaks in order of time.

    Args:
        frames: (n,) float64, in frames of `1 / FRAMES_PER_S` s.
        pitches: (n,) float64, octaves above `LOWEST_HZ`.
    """

    frames: NDArray[np.float64]
    pitches: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)


def spectra(samples: Samples) -> NDArray[np.float32]:
    """Return the power of each frame at each frequency.

    Args:
        samples: (n,) mono at `SAMPLE_RATE_HZ`; fewer than `N_FFT` are padded with silence.

    Returns:
        (frames, N_FFT / 2 + 1) float32.
    """
    padded = np.pad(samples, (0, max(0, N_FFT - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)  # Hann
    power = np.empty((len(windows), N_FFT // 2 + 1), dtype=np.float32)
    for start in range(0, len(windows), _BLOCK_FRAMES):
        block = fft.rfft(windows[start : start + _BLOCK_FRAMES] * taper, axis=1)
        power[start : start + _BLOCK_FRAMES] = block.real**2 + block.imag**2
    return power


def constellation(power: NDArray[np.float32]) -> Constellation:
    """Return the most salient peaks.

    A cell is salient where it stands out of what sounds before, after, above and below it, so
    neither gain nor a smooth equaliser changes which peaks are kept.

    Args:
        power: (frames, N_FFT / 2 + 1), see `spectra`.

    Source:
        Wang, "An Industrial-Strength Audio Search Algorithm", ISMIR 2003, for peaks as what
        survives; the log frequency axis makes a change of speed a shift.
    """
    low, high = _cell_bins()
    level = np.log(np.maximum(power[:, : high[-1] + 1], FLOOR * max(float(power.max()), 1e-30)))
    cells = np.maximum.reduceat(level, low, axis=1)[:, :N_CELLS]
    salience = _salience(cells)
    summit = ndimage.maximum_filter(
        salience, size=(2 * REACH_FRAMES + 1, 2 * REACH_CELLS + 1), mode="constant", cval=-np.inf
    )
    frames, rows = np.nonzero((salience >= summit) & (salience > MIN_SALIENCE))
    wanted = min(MAX_PEAKS, int(PEAKS_PER_S * len(power) / FRAMES_PER_S))
    best = np.argsort(-salience[frames, rows], kind="stable")[:wanted]
    best.sort()  # `nonzero` is in order of time
    frames, rows = frames[best], rows[best]
    return Constellation(frames.astype(np.float64), _pitches(level, frames, rows))


def _salience(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    over_time = ndimage.uniform_filter1d(cells, BACKGROUND_FRAMES, axis=0, mode="nearest")
    over_pitch = ndimage.uniform_filter1d(cells, BACKGROUND_CELLS, axis=1, mode="nearest")
    # Standing out in time counts double: an onset has a place in time, a held note has none.
    return np.asarray(1.5 * cells - over_time - 0.5 * over_pitch)


def _pitches(
    level: NDArray[np.float32], frames: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return octaves above `LOWEST_HZ`, read off a parabola through the strongest bin."""
    low, high = _cell_bins()
    widest = int((high - low).max())
    bins = np.minimum(low[rows, None] + np.arange(widest), high[rows, None] - 1)
    bins = bins[np.arange(len(rows)), level[frames[:, None], bins].argmax(axis=1)]
    left, middle, right = (level[frames, bins + step] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend < 0, 0.5 * (left - right) / bend, 0.0)
    octaves = np.log2((bins + np.clip(shift, -0.5, 0.5)) * _BIN_HZ / LOWEST_HZ)
    return np.asarray(octaves, dtype=np.float64)


def _cell_bins() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first bin of each cell and the one behind its last; low cells share bins."""
    centres = np.arange(N_CELLS + 1) - 0.5
    edges = np.round(LOWEST_HZ * 2.0 ** (centres / CELLS_PER_OCTAVE) / _BIN_HZ).astype(np.int64)
    return edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)
