"""Spectra: how strong each partial of a source is, before any filter."""

import zlib
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = Literal[
    "sine", "saw", "square", "pulse", "triangle", "organ", "reed", "flute",
    "mallet", "pluck", "hammer", "voice", "fm",
]  # fmt: skip

# Partials and levels of sounds that are a short list: a drawbar organ (16' left out), a flute whose
# octave is faint, a metal bar tuned so that its second mode is two octaves up.
_LISTED: dict[str, dict[int, float]] = {
    "sine": {1: 1.0, 2: 0.06},
    "organ": {1: 1.0, 2: 0.7, 3: 0.35, 4: 0.3, 6: 0.15, 8: 0.18},
    "flute": {1: 1.0, 2: 0.32, 3: 0.14, 4: 0.05, 5: 0.02},
    "mallet": {1: 1.0, 4: 0.28, 10: 0.06},
}
_FORMANTS_HZ = ((650.0, 160.0, 1.0), (1080.0, 200.0, 0.6), (2650.0, 300.0, 0.25))  # an open "ah"
_FM_POINTS = 2048

# Fourier series of the plain waves; a pulse is high for a quarter of the cycle.
# A string plucked at a fifth or struck at an eighth lacks every fifth or eighth partial.
_FORMULAS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "saw": lambda k: 1.0 / k,
    "square": lambda k: _odd(k) / k,
    "triangle": lambda k: _odd(k) / k**2,
    "pulse": lambda k: np.abs(np.sin(np.pi * k / 4)) / k,
    "reed": lambda k: (0.45 + 0.55 * _odd(k)) / k**0.9,
    "pluck": lambda k: (0.08 + np.abs(np.sin(np.pi * k / 5))) / k**1.15,
    "hammer": lambda k: (0.05 + np.abs(np.sin(np.pi * k / 8))) / k**1.3,
}


def strengths(
    shape: Shape,
    partial: NDArray[np.int64],
    hz: float,
    fm_ratio: int,
    fm_index: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give the strength of each partial at each moment.

    Args:
        shape: Kind of source.
        partial: (n_partials,) 1, 2, 3, …
        hz: Frequency of the first partial.
        fm_ratio: Modulator over carrier frequency, a whole number.
        fm_index: (n_frames,) modulation index at each moment.

    Returns:
        (n_frames, n_partials) non-negative strengths; one row repeated for shapes that stand still.
    """
    if shape == "fm":
        return _frequency_modulation(partial.size, fm_ratio, fm_index)
    still = _listed(_LISTED[shape], partial) if shape in _LISTED else _formula(shape, partial, hz)
    return np.repeat(still[None, :], fm_index.size, axis=0)


def phases(name: str, n_partials: int) -> NDArray[np.float64]:
    """Give fixed scattered phases, (n_partials,) radians: aligned ones would only cost headroom."""
    drawn = np.random.default_rng(zlib.crc32(name.encode())).uniform(0.0, 2 * np.pi, 160)
    return drawn[:n_partials]


def _listed(levels: dict[int, float], partial: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.array([levels.get(int(number), 0.0) for number in partial])


def _formula(shape: Shape, partial: NDArray[np.int64], hz: float) -> NDArray[np.float64]:
    k = partial.astype(np.float64)
    if shape == "voice":
        return np.asarray((0.03 + _formants(k * hz)) / k**0.6)
    return np.asarray(_FORMULAS[shape](k))


def _odd(k: NDArray[np.float64]) -> NDArray[np.float64]:
    return k % 2


def _formants(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    peaks = [level * np.exp(-(((hz - at) / width) ** 2)) for at, width, level in _FORMANTS_HZ]
    return np.asarray(np.sum(peaks, axis=0))


def _frequency_modulation(
    n_partials: int, ratio: int, index: NDArray[np.float64]
) -> NDArray[np.float64]:
    turn = 2 * np.pi * np.arange(_FM_POINTS) / _FM_POINTS
    cycles = np.sin(turn + index[:, None] * np.sin(ratio * turn))
    spectrum = np.abs(np.fft.rfft(cycles, axis=1))[:, 1 : n_partials + 1] / (_FM_POINTS / 2)
    return np.asarray(spectrum)
