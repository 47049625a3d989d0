"""Silence: how long nothing is heard, at the beginning, at the end and inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.measures.spectra import Samples

FRAME_S = 0.05
SILENT_DB = -60.0  # against full scale; quieter than the noise of a room under music
BELOW_LOUDEST_DB = 50.0  # in a quiet recording silence lies lower too, but not below -80 dB
LOWEST_DB = -80.0


@dataclass(frozen=True, slots=True)
class Silence:
    """Where nothing is heard.

    Attributes:
        leading_s: Before the first sound; the whole length where there is none.
        trailing_s: After the last.
        longest_s: The longest pause between two sounds.
        share: Of the whole length, in [0, 1].
    """

    leading_s: float
    trailing_s: float
    longest_s: float
    share: float


def find_silence(samples: Samples, rate_hz: int) -> Silence:
    """Measure the silence of a recording by frames of 50 ms.

    A frame is silent where its root mean square lies below -60 dB of full scale; in a recording
    whose loudest frame is under -10 dB, 50 dB below that frame, but never under -80 dB.

    Args:
        samples: (n,) or (n, channels).
        rate_hz: Samples a second.
    """
    columns = samples.reshape(len(samples), -1)
    size = max(1, round(FRAME_S * rate_hz))
    frames = max(1, len(columns) // size)
    power = np.array(
        [np.mean(np.square(columns[at * size : (at + 1) * size])) for at in range(frames)]
    )
    level_db = 10.0 * np.log10(power + 1e-20)
    limit_db = max(LOWEST_DB, min(SILENT_DB, float(level_db.max()) - BELOW_LOUDEST_DB))
    heard = np.flatnonzero(level_db >= limit_db)
    length_s = len(columns) / rate_hz
    if not heard.size:
        return Silence(length_s, 0.0, 0.0, 1.0)
    step_s = size / rate_hz
    pauses = np.diff(heard) - 1
    return Silence(
        leading_s=float(heard[0]) * step_s,
        trailing_s=float(frames - 1 - heard[-1]) * step_s,
        longest_s=float(pauses.max(initial=0)) * step_s,
        share=1.0 - heard.size / frames,
    )
