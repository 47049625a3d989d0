"""Laying one recording over another to a fraction of a sample, its speed corrected."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft

from embeddings.audio.container import Samples
from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.fingerprints.alignment import Overlay
from embeddings.fingerprints.constellation import FRAMES_PER_S

WINDOWS = 12  # spread over what overlaps; each says how far off the overlay is there
WINDOW = 16_384  # 0.74 s
SHORTEST = 4_096  # a window that can still be placed
REACHES = (2_048, 256)  # samples either way: 93 ms, then what is left
STEADY = 1e-3  # a change of speed that fingerprints cannot tell from none
MAX_DRIFT = 1.5e-3  # of speed, beyond what fingerprints say
AGREE = 4.0  # samples within which two windows say the same
EDGE_S = 1.0  # left out at either end, a tenth at most: a fade makes no other recording
LOW_HZ, HIGH_HZ = 80.0, 5_000.0  # where lags are looked for: what coding and noise leave whole

Column = NDArray[np.float64]


def superposed(one: Samples, other: Samples, overlay: Overlay) -> tuple[Samples, Samples] | None:
    """Cut two recordings to what they share, the first brought to the speed of the other.

    Fingerprints know the place to 12 ms and the speed to 0.05 %. Cross-correlations of windows
    give the rest; a line through the lags on which most windows agree bears those that chance or a
    repetition misplaced.

    Args:
        one: (n,) mono at `SAMPLE_RATE_HZ`.
        other: (m,) likewise.
        overlay: Of the first over the second, as fingerprints have it.

    Returns:
        Both of equal length, without their edges; None where they share too little to be placed.

    Source:
        Knapp and Carter, "The generalized correlation method for estimation of time delay", 1976,
        for whitened cross-correlation (here by half: tonal music has no flat spectrum to whiten).
    """
    speed = overlay.speed if abs(overlay.speed - 1.0) >= STEADY else 1.0
    shift = round(overlay.shift / FRAMES_PER_S * SAMPLE_RATE_HZ)
    for reach in REACHES:
        laid, there = _shared(_played(one, speed), other, shift)
        if len(laid) < SHORTEST + 2 * reach:
            return None
        lag, drift = _line(*_lags(laid, there, reach))
        if abs(drift) * len(laid) < 1.0:  # less than a sample over all of it
            drift = 0.0
        # Lag and drift are counted from the start of `laid`, which is not that of the first.
        shift = round(shift + lag + drift * min(0, shift))
        speed *= 1.0 + drift
    laid, there = _shared(_played(one, speed), other, shift)
    edge = min(round(EDGE_S * SAMPLE_RATE_HZ), len(laid) // 10)
    return laid[edge : len(laid) - edge], there[edge : len(there) - edge]


def _played(samples: Samples, speed: float) -> Samples:
    if speed == 1.0:
        return samples
    slowed = soxr.resample(samples, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * speed)
    return np.asarray(slowed, dtype=np.float32)


def _shared(one: Samples, other: Samples, shift: int) -> tuple[Samples, Samples]:
    """Return what overlaps where sample 0 of the first lies on sample `shift` of the second."""
    one, other = one[max(0, -shift) :], other[max(0, shift) :]
    length = min(len(one), len(other))
    return one[:length], other[:length]


def _lags(one: Samples, other: Samples, reach: int) -> tuple[Column, Column]:
    """Return the middle of each window, and by how much the second is late there, in samples."""
    size = min(WINDOW, len(one) - 2 * reach)
    starts = np.unique(np.linspace(reach, len(one) - size - reach, WINDOWS).astype(np.int64))
    points = fft.next_fast_len(size + 2 * reach, real=True)
    hz = np.arange(points // 2 + 1) * SAMPLE_RATE_HZ / points
    heard = (hz >= LOW_HZ) & (hz <= HIGH_HZ)
    taper = np.hanning(size).astype(np.float32)
    lags = []
    for start in starts:
        window = fft.rfft(one[start : start + size] * taper, points)
        around = fft.rfft(other[start - reach : start + size + reach], points)
        cross = np.where(heard, around * window.conj(), 0.0)
        strength = np.abs(cross)
        cross /= np.sqrt(np.maximum(strength, 1e-12 * max(float(strength.max()), 1e-30)))
        lags.append(_summit(fft.irfft(cross, points)[: 2 * reach + 1]) - reach)
    return starts.astype(np.float64) + size / 2, np.array(lags, dtype=np.float64)


def _summit(values: NDArray[np.floating]) -> float:
    """Return where the greatest value lies, between samples by a parabola."""
    top = int(values.argmax())
    if not 0 < top < len(values) - 1:
        return float(top)
    left, middle, right = (float(each) for each in values[top - 1 : top + 2])
    bend = left - 2 * middle + right
    return top + (0.5 * (left - right) / bend if bend < 0 else 0.0)


def _line(places: Column, lags: Column) -> tuple[float, float]:
    """Return lag at place 0 and slope of the line on which most windows agree.

    Source:
        Fischler and Bolles, "Random sample consensus", 1981; of few windows all pairs are tried.
    """
    best, agreed = 0.0, np.zeros(len(lags), dtype=np.bool_)
    for a, b in combinations_with_replacement(range(len(lags)), 2):
        slope = 0.0 if a == b else float((lags[b] - lags[a]) / (places[b] - places[a]))
        errors = np.abs(lags - lags[a] - slope * (places - places[a]))
        near = errors <= AGREE
        score = float(near.sum() - errors[near].mean() / (2 * AGREE))
        if abs(slope) <= MAX_DRIFT and score > best:
            best, agreed = score, near
    at, of = places[agreed], lags[agreed]
    if len(at) < 3:  # a slope through two points says nothing
        return float(np.median(of)), 0.0
    spread = at - at.mean()
    slope = float(spread @ (of - of.mean()) / (spread @ spread))
    return float(of.mean() - slope * at.mean()), slope
