"""What sounds in a recording and cannot come from another: a remix has some, a copy none."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from embeddings.audio.container import Samples
from embeddings.audio.waveform import SAMPLE_RATE_HZ

N_FFT = 1_024  # 46 ms: a drum and what sounds before it fall into different frames
HOP = 512
LOWEST_HZ = 43.0
BANDS_PER_OCTAVE = 3
TONE_OCTAVES = 0.25  # either way: how fine an equaliser is followed; the tone of notes is not
AVERAGED = 3  # frames, 70 ms: short noise fluctuates
EXPLAINED = 0.5  # of what sounds in a cell may be residue: coding at 32 kb/s leaves less
NOISE = 3.0  # times the middle of the residue in a band: what lasts is noise ...
NOISE_SHARE = (
    0.02  # ... as long as it is no more than noise 20 dB below would be, with 3 dB to spare
)
NARROWEST = 0.05  # share of the spectrum that noise has in a low band: pink noise is strong there
_BLOCK_FRAMES = 512

Power = NDArray[np.float64]
Spectra = NDArray[np.complex64]
Number = TypeVar("Number", np.float64, np.complex128)


def foreign_share(one: Samples, other: Samples) -> float:
    """Return how much of a recording's energy lies where another does not explain it.

    One is taken away from the other after it went through the filter that explains most: gain and
    equalisers leave nothing. What codecs leave is spread thin over all that sounds, and noise is
    steady and soft. What another instrument, drum or take leaves fills cells of time and pitch by
    itself, and those count.

    Args:
        one: (n,) mono at `SAMPLE_RATE_HZ`.
        other: (n,) likewise, laid over the first to the sample, see `superposed`.

    Returns:
        0 to 1, the greater of what either has; NaN where both are silent. Copies of real recordings
        stay below 0.0002 (below 0.0007 under noise of 20 dB); another drum kit or bass makes 0.002
        to 0.2, but for sounds that are hardly heard.
    """
    spectra = _spectra(one), _spectra(other)
    power = tuple(_power(each) for each in spectra)
    sums = [_smooth(each.sum(axis=0, dtype=np.float64)) for each in power]
    cross = _smooth((spectra[1] * spectra[0].conj()).sum(axis=0, dtype=np.complex128))
    there = _unexplained(spectra[1] - spectra[0] * _filter(cross, sums[0]), power[1])
    here = _unexplained(spectra[0] - spectra[1] * _filter(cross.conj(), sums[1]), power[0])
    return float(np.fmax(here, there))


def _unexplained(rest: Spectra, power: NDArray[np.float32]) -> float:
    """Return the share of energy in cells that are residue for the most part, noise left out."""
    residue, sound = _cells(_power(rest)), _cells(power)
    total = float(sound.sum())
    if total <= 0:
        return float("nan")
    width = np.diff(_edges()) / (N_FFT // 2)
    most = total / len(sound) * NOISE_SHARE * np.maximum(width, NARROWEST)
    noise = np.minimum(NOISE * np.median(residue, axis=0), most)
    return float(np.maximum(0.0, residue - EXPLAINED * sound - noise).sum()) / total


def _spectra(samples: Samples) -> Spectra:
    """Return (frames, N_FFT / 2 + 1), of a recording padded to one frame at least."""
    padded = np.pad(samples, (0, max(0, N_FFT - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)  # Hann
    found = np.empty((len(windows), N_FFT // 2 + 1), dtype=np.complex64)
    for start in range(0, len(windows), _BLOCK_FRAMES):
        block = windows[start : start + _BLOCK_FRAMES]
        found[start : start + len(block)] = fft.rfft(block * taper, axis=1)
    return found


def _filter(cross: NDArray[np.complex128], power: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Return the filter by which a recording of some power explains most of another.

    Source:
        Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series", 1949.
    """
    return np.asarray(cross / (power + 1e-9 * max(float(power.max()), 1e-30)), dtype=np.complex64)


def _smooth(values: NDArray[Number]) -> NDArray[Number]:
    """Return means over `TONE_OCTAVES` either way, at least over a bin beside."""
    bins = np.arange(len(values))
    low = np.minimum(np.floor(bins * 2.0**-TONE_OCTAVES), bins - 1).clip(0).astype(np.int64)
    high = np.maximum(np.ceil(bins * 2.0**TONE_OCTAVES), bins + 1).astype(np.int64) + 1
    high = high.clip(max=len(values))
    sums = np.append(0.0, np.cumsum(values))
    return np.asarray((sums[high] - sums[low]) / (high - low))


def _cells(power: NDArray[np.float32]) -> Power:
    """Return (frames, bands), averaged over a few frames."""
    bands = np.add.reduceat(power, _edges(), axis=1)[:, :-1].astype(np.float64)
    wide = min(AVERAGED, len(bands))
    sums = np.cumsum(np.pad(bands, ((1, 0), (0, 0))), axis=0)
    return np.asarray((sums[wide:] - sums[:-wide]) / wide)


def _power(spectra: Spectra) -> NDArray[np.float32]:
    return np.asarray(spectra.real**2 + spectra.imag**2)


def _edges() -> NDArray[np.int64]:
    """Return the first bin of each band, and the one behind the last; low bands are two bins."""
    octaves = np.log2(SAMPLE_RATE_HZ / 2 / LOWEST_HZ)
    steps = np.arange(int(octaves * BANDS_PER_OCTAVE) + 1) / BANDS_PER_OCTAVE
    bins = np.round(LOWEST_HZ * 2.0**steps * N_FFT / SAMPLE_RATE_HZ).astype(np.int64)
    edges = [int(bins[0])]
    for each in bins[1:].tolist():
        if each >= edges[-1] + 2:
            edges.append(each)
    return np.array(edges)
