"""Tempo: the beat as the lag after which onsets return, and how well another tempo fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, signal

from embeddings.measures.spectra import Samples, Values, power_spectra, triangular_bands

FRAMES_PER_S = 100
LOWEST_BPM, HIGHEST_BPM = 40.0, 220.0  # what a brief may ask for
GRID_BPM = np.geomspace(LOWEST_BPM, HIGHEST_BPM, 1800)  # steps of 0.1 %
# Where listeners tap without being asked (Moelants, 2002), with the width of Ellis (2007).
PREFERRED_BPM, PREFERRED_OCTAVES = 127.0, 0.7
# Onsets return after a beat and after two, three and four of them.
_MULTIPLES = ((1, 1.0), (2, 0.5), (3, 0.3), (4, 0.3))


@dataclass(frozen=True, slots=True, eq=False)
class Tempo:
    """A tempo and what speaks for every other one.

    Attributes:
        bpm: The likeliest, beats a minute; NaN where nothing recurs.
        confidence: How far it stands out: its evidence less the best evidence of a tempo that is
            no simple multiple of it, in [0, 1].
        evidence: (len(GRID_BPM),) in [0, 1], how regularly onsets return at each tempo.
    """

    bpm: float
    confidence: float
    evidence: Values

    def at(self, bpm: float, tolerance: float) -> float:
        """Return the evidence of a tempo, the best within a relative tolerance."""
        near = np.abs(GRID_BPM / bpm - 1.0) <= tolerance
        return float(self.evidence[near].max(initial=0.0))


def agrees(tempo: Tempo, asked_bpm: float, tolerance: float, enough: float = 0.6) -> bool:
    """Return whether a recording can be heard at the tempo that was asked for.

    Counting at half or twice the speed is right too, and an estimate that differs from what was
    asked is no proof against it. So the estimate counts, and so does a peak of the evidence at
    the asked tempo that is nearly as high as the highest of all.

    Args:
        tempo: As estimated.
        asked_bpm: As asked for.
        tolerance: Relative difference that is no difference.
        enough: Share of the highest evidence that speaks for the asked tempo.
    """
    if not np.isfinite(tempo.bpm):
        return False
    if abs(tempo.bpm / asked_bpm - 1.0) <= tolerance:
        return True
    highest = float(tempo.evidence.max(initial=0.0))
    found = tempo.at(asked_bpm, tolerance)
    # On the flank of a neighbouring peak the evidence is high without being a peak.
    is_peak = found >= tempo.at(asked_bpm, 2.5 * tolerance) - 1e-12
    return highest > 0 and is_peak and found >= enough * highest


def estimate_tempo(samples: Samples, rate_hz: int) -> Tempo:
    """Find the beat as the lag whose multiples return too, near the tempo that listeners prefer.

    Args:
        samples: (n,) or (n, channels).
        rate_hz: Samples a second.

    Source: weighting by preferred tempo after D. Ellis, Beat tracking by dynamic programming
    (2007); its centre is D. Moelants, Preferred tempo reconsidered (2002).
    """
    similar = onset_similarity(samples, rate_hz)
    if similar[0] <= 0.0:
        return Tempo(float("nan"), 0.0, np.zeros_like(GRID_BPM))
    lags = np.arange(similar.size)
    comb = np.zeros_like(GRID_BPM)
    for multiple, weight in _MULTIPLES:
        beats = np.interp(multiple * 60.0 * FRAMES_PER_S / GRID_BPM, lags, similar, right=0.0)
        comb += weight * np.maximum(beats, 0.0)
    evidence = np.clip(comb / (similar[0] * sum(weight for _, weight in _MULTIPLES)), 0.0, 1.0)
    preferred = np.exp(-0.5 * (np.log2(GRID_BPM / PREFERRED_BPM) / PREFERRED_OCTAVES) ** 2)
    best = int(np.argmax(comb * preferred))
    return Tempo(float(GRID_BPM[best]), _confidence(evidence, best), evidence)


def estimate_tempo_bpm(samples: Samples, rate_hz: int) -> float:
    """Return the likeliest tempo, beats a minute; see `estimate_tempo`."""
    return estimate_tempo(samples, rate_hz).bpm


def onset_similarity(samples: Samples, rate_hz: int) -> Values:
    """Autocorrelate the onset strength at 100 frames a second, lag 0 first."""
    hz, power = power_spectra(samples, rate_hz, 1024, rate_hz // FRAMES_PER_S)
    onsets = onset_strength(hz, power)
    onsets = onsets - signal.convolve(onsets, np.ones(100) / 100.0, mode="same")
    size = fft.next_fast_len(2 * onsets.size)
    similar = fft.irfft(np.abs(fft.rfft(onsets, size)) ** 2, size)[: onsets.size]
    return np.asarray(similar / np.arange(onsets.size, 0, -1))  # the same weight for long lags


def onset_strength(hz: Values, power: Values) -> Values:
    """Return (windows - 1,) how much louder the bands become, log10 of power."""
    bands = np.log10(triangular_bands(hz, 36, 40.0, 12_000.0) @ power + 1e-7)
    return np.asarray(np.maximum(np.diff(bands, axis=1), 0.0).mean(axis=0))


def _confidence(evidence: Values, best: int) -> float:
    ratios = GRID_BPM / GRID_BPM[best]
    simple = np.array([0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0, 4 / 3, 1.5, 2.0, 3.0, 4.0])
    related = (np.abs(ratios[:, None] / simple - 1.0) <= 0.04).any(axis=1)
    return float(max(0.0, evidence[best] - evidence[~related].max(initial=0.0)))
