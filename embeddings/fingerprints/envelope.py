"""How loud each band of a recording is over time: what a remix changes and a copy keeps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.fingerprints.constellation import FRAMES_PER_S, N_FFT

N_BANDS = 12
LOWEST_HZ, HIGHEST_HZ = 100.0, 10_000.0  # centres half an octave apart
PARTS = (
    3  # of a half band; the edges of bands are soft, or a change of speed would lift a note over
)
STEP_FRAMES = 9  # 0.21 s
STEPS_PER_S = FRAMES_PER_S / STEP_FRAMES
LIMIT_S = 30.0  # described from the beginning: 1.7 kB
STEP_DB = 0.5
RANGE_DB = 255 * STEP_DB
MAX_STEPS = int(LIMIT_S * STEPS_PER_S)


def envelope(power: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the level of each band over time.

    Args:
        power: (frames, N_FFT / 2 + 1), see `constellation.spectra`.

    Returns:
        (steps, N_BANDS) uint8 in steps of `STEP_DB`, 255 being the loudest; step i is centred on
        frame `STEP_FRAMES * (i + 1)`.
    """
    wanted = power[: STEP_FRAMES * (MAX_STEPS + 1)]
    parts = np.add.reduceat(wanted, _edges(), axis=1)[:, :-1].astype(np.float64)
    slope = (np.arange(2 * PARTS - 1) + 1.0) / PARTS
    slope = np.minimum(slope, 2.0 - slope)
    bands = np.zeros((len(parts), N_BANDS))
    for part, weight in enumerate(slope):
        bands += weight * parts[:, part : part + PARTS * N_BANDS : PARTS]
    # Two steps wide and tapered, so that what lies between two steps can be read off a line.
    weights = 1.0 - np.abs(np.arange(2 * STEP_FRAMES + 1) - STEP_FRAMES) / STEP_FRAMES
    steps = max(0, len(bands) // STEP_FRAMES - 1)
    level = np.zeros((steps, N_BANDS))
    for frame, weight in enumerate(weights[:-1]):
        level += weight * bands[frame : frame + steps * STEP_FRAMES : STEP_FRAMES]
    top = max(float(level.max(initial=0.0)), 1e-30)
    decibels = 10.0 * np.log10(np.maximum(level / top, 10.0 ** (-RANGE_DB / 10)))
    return np.asarray(np.round(255 + decibels / STEP_DB), dtype=np.uint8)


def _edges() -> NDArray[np.int64]:
    """Return the first bin of each part of a band, and the one behind the last."""
    places = np.arange(PARTS * (N_BANDS + 1)) / (PARTS * (N_BANDS + 1) - 1)
    edges = LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** places
    return np.round(edges * N_FFT / SAMPLE_RATE_HZ).astype(np.int64)
