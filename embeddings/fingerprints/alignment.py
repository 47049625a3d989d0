"""How much two fingerprints agree once one is laid over the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.fingerprints.constellation import FRAMES_PER_S, Constellation
from embeddings.fingerprints.envelope import STEP_DB, STEP_FRAMES
from embeddings.fingerprints.fingerprint import Fingerprint

_COARSE = (12.0, 1 / 24)  # frames and octaves: a landmark's place is known to a quarter second
_FINE = (5.0, 1 / 36)
_SAME = (2.0, 1 / 48)  # 46 ms and a quarter tone: where a peak is the same peak
_MIN_PEAKS = 8  # in what overlaps; fewer say nothing
_MIN_STEPS = 10  # 2 s
_MIN_DB = 1.0  # a band that moves less says nothing
_DROWNED_DB = 2.0  # between loud and quiet moments: less is steady noise, and says nothing either
_HEADROOM_DB = 3.0  # above the higher of two noise floors


@dataclass(frozen=True, slots=True)
class Overlay:
    """Where one recording lies over another: `frames_other = speed * frames + shift`."""

    speed: float
    shift: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two recordings are one.

    Args:
        overlay: Of the first over the second.
        overlap_s: How much of the second the first covers.
        uncovered_s: What either has at one end and the other lacks there, at most.
        peaks: Share of the peaks, in what overlaps, that both have.
        levels: Mean over bands of the correlation of levels; NaN where none moves.
        weakest: The least of them.
    """

    overlay: Overlay
    overlap_s: float
    uncovered_s: float
    peaks: float
    levels: float
    weakest: float


def agreement(one: Fingerprint, other: Fingerprint, guess: Overlay) -> Agreement:
    """Measure how far two recordings agree near a guessed overlay.

    Args:
        one: A fingerprint.
        other: Another.
        guess: Where the first lies over the second, to a quarter second and half a percent.
    """
    overlay = guess
    for reach in (_COARSE, _FINE):
        overlay = _refined(one.peaks, other.peaks, overlay, reach)
    shift_s = overlay.shift / FRAMES_PER_S
    end_s = one.duration_s * overlay.speed + shift_s
    overlap_s = min(end_s, other.duration_s) - max(0.0, shift_s)
    levels, weakest = _levels(one.levels, other.levels, overlay)
    return Agreement(
        overlay=overlay,
        overlap_s=overlap_s,
        uncovered_s=max(abs(shift_s), abs(end_s - other.duration_s)),
        peaks=_shared_peaks(one.peaks, other.peaks, overlay),
        levels=levels,
        weakest=weakest,
    )


def _laid(peaks: Constellation, overlay: Overlay) -> Constellation:
    frames = peaks.frames * overlay.speed + overlay.shift
    return Constellation(frames, peaks.pitches - np.log2(overlay.speed))


def _matches(
    one: Constellation, other: Constellation, reach: tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of each pair of peaks that are within reach of one another."""
    first = np.searchsorted(other.frames, one.frames - reach[0], "left")
    counts = np.searchsorted(other.frames, one.frames + reach[0], "right") - first
    rows = np.repeat(np.arange(len(one)), counts)
    others = np.arange(len(rows)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    near = np.abs(one.pitches[rows] - other.pitches[others]) <= reach[1]
    return rows[near], others[near]


def _refined(
    one: Constellation, other: Constellation, overlay: Overlay, reach: tuple[float, float]
) -> Overlay:
    """Return the overlay on which most peaks within reach agree.

    The speed is read off pitches first, then both off a line through the times of the peaks that
    agree on a shift.
    """
    laid = _laid(one, overlay)
    rows, others = _matches(laid, other, reach)
    if len(rows) < _MIN_PEAKS:
        return overlay
    faster = 2.0 ** -float(np.median(other.pitches[others] - laid.pitches[rows]))
    lags = other.frames[others] - laid.frames[rows] * faster
    whole = np.floor(lags + 0.5).astype(np.int64)
    counts = np.bincount(whole - whole.min())
    voted = np.convolve(counts, np.ones(3, dtype=np.int64), "same").argmax() + whole.min()
    agree = np.abs(lags - voted) <= _SAME[0]
    drift, lag = _line(laid.frames[rows[agree]] * faster, lags[agree])
    return Overlay(overlay.speed * faster * (1 + drift), overlay.shift * faster * (1 + drift) + lag)


def _line(places: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and intercept of the line through points; level where they are few or near."""
    spread = float(np.square(places - places.mean()).sum())
    if len(places) < _MIN_PEAKS or spread <= 0:
        return 0.0, float(values.mean())
    slope = float((places - places.mean()) @ values) / spread
    return slope, float(values.mean()) - slope * float(places.mean())


def _shared_peaks(one: Constellation, other: Constellation, overlay: Overlay) -> float:
    laid = _laid(one, overlay)
    if not len(laid) or not len(other):
        return 0.0
    start = max(laid.frames[0], other.frames[0]) - _SAME[0]
    end = min(laid.frames[-1], other.frames[-1]) + _SAME[0]
    inside = (laid.frames >= start) & (laid.frames <= end)
    within = (other.frames >= start) & (other.frames <= end)
    if min(inside.sum(), within.sum()) < _MIN_PEAKS:
        return 0.0
    rows, others = _matches(laid, other, _SAME)
    mutual = inside[rows] & within[others]
    shared = len(np.unique(rows[mutual])) / inside.sum()
    return float(shared + len(np.unique(others[mutual])) / within.sum()) / 2


def _levels(
    one: NDArray[np.uint8], other: NDArray[np.uint8], overlay: Overlay
) -> tuple[float, float]:
    """Return the mean and the least correlation over the bands that move in either."""
    from scipy.interpolate import CubicSpline

    places = (np.arange(1, len(other) + 1) * STEP_FRAMES - overlay.shift) / overlay.speed
    steps = places / STEP_FRAMES - 1
    inside = (steps >= 0) & (steps <= len(one) - 1)
    if inside.sum() < _MIN_STEPS:
        return float("nan"), float("nan")
    laid = CubicSpline(np.arange(len(one)), _smooth(one))(steps[inside])
    known = _correlations(laid, _smooth(other)[inside])
    if not len(known):
        return float("nan"), float("nan")
    return float(known.mean()), float(known.min())


def _smooth(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return decibels averaged over neighbouring steps, so that they can be read off in between."""
    edged = np.pad(levels.astype(np.float64) * STEP_DB, ((1, 1), (0, 0)), mode="edge")
    return np.asarray(0.25 * edged[:-2] + 0.5 * edged[1:-1] + 0.25 * edged[2:])


def _correlations(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of the levels of each band that moves, above both noise floors.

    Added noise fills the valleys of one of them, so both are cut at the higher floor; an equaliser
    lifts a band as a whole, so loud moments are laid over loud ones.

    Args:
        one: (steps, N_BANDS) decibels.
        other: (steps, N_BANDS) decibels at the same moments.
    """
    one, other = (each - np.quantile(each, 0.9, axis=0) for each in (one, other))
    lowest = np.maximum(*(np.quantile(each, 0.05, axis=0) for each in (one, other)))
    drowned = lowest > -_DROWNED_DB
    one, other = (np.maximum(each, lowest + _HEADROOM_DB) for each in (one, other))
    one, other = (each - each.mean(axis=0) for each in (one, other))
    spreads = one.std(axis=0), other.std(axis=0)
    moves = (np.maximum(*spreads) >= _MIN_DB) & ~drowned
    together = (one * other).mean(axis=0)[moves]
    return np.asarray(together / np.maximum(spreads[0] * spreads[1], 1e-9)[moves])
