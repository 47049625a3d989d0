"""Mastering: a recording brought to a loudness, its peaks below a ceiling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from embeddings.audio.container import Samples
from embeddings.measures.loudness import integrated_lufs, true_peaks
from embeddings.measures.sound import Sound

LOOKAHEAD_S = 0.004  # half a window: the gain is down before the peak comes
CLOSE_LU = 0.03  # a third of what EBU Tech 3341 allows a meter to be off
MAX_ROUNDS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Mastered:
    """A recording as it is to be served.

    Attributes:
        samples: (n, channels) float32.
        gain_db: By how much it was raised; negative where it was lowered.
        limited_db: By how much its highest peak was pressed; 0 where no peak was.
        lufs: Its integrated loudness.
    """

    samples: Samples
    gain_db: float
    limited_db: float
    lufs: float


def mastered(
    sound: Sound,
    lufs: float,
    peak_db: float,
    *,
    target_lufs: float,
    ceiling_dbtp: float,
    max_limiting_db: float,
) -> Mastered:
    """Raise or lower a recording to a loudness and limit its peaks.

    Limiting takes loudness away, so gain and loudness are brought together in rounds. A recording
    that would have to be pressed by more than `max_limiting_db` is left quieter instead.

    Args:
        sound: What was delivered, not silent.
        lufs: Its integrated loudness.
        peak_db: Its true peak.
        target_lufs: Integrated loudness wanted.
        ceiling_dbtp: Highest true peak.
        max_limiting_db: How far the highest peak may be pressed.
    """
    highest_gain_db = ceiling_dbtp + max_limiting_db - peak_db
    gain_db = min(target_lufs - lufs, highest_gain_db)
    for _ in range(MAX_ROUNDS):
        raised = sound.samples * np.float32(10.0 ** (gain_db / 20.0))
        limited = limited_peaks(raised, sound.rate_hz, ceiling_dbtp)
        if limited is raised:
            reached = lufs + gain_db
            break
        reached = integrated_lufs(limited, sound.rate_hz)
        missed = target_lufs - reached
        if abs(missed) <= CLOSE_LU or (missed > 0 and gain_db >= highest_gain_db):
            break
        gain_db = min(gain_db + missed, highest_gain_db)
    limited_db = max(0.0, peak_db + gain_db - ceiling_dbtp)
    return Mastered(limited, gain_db, limited_db, reached)


def limited_peaks(samples: Samples, rate_hz: int, ceiling_dbtp: float) -> Samples:
    """Turn the gain down about every peak above a ceiling, smoothly and in all channels alike.

    The gain is the least that any peak within the window needs, averaged over windows of the same
    length: each average holds only gains that keep the sample it stands at below the ceiling.

    Args:
        samples: (n, channels).
        rate_hz: Samples a second.
        ceiling_dbtp: Highest true peak.

    Returns:
        (n, channels) float32; `samples` itself where no peak passes the ceiling.
    """
    ceiling = 10.0 ** (ceiling_dbtp / 20.0)
    peaks = true_peaks(samples)
    if peaks.max(initial=0.0) <= ceiling:
        return samples
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9)).astype(np.float64)
    half = max(1, round(LOOKAHEAD_S * rate_hz))
    least = ndimage.minimum_filter1d(needed, 2 * half + 1, mode="nearest")
    window = np.hanning(2 * half + 3)[1:-1]
    padded = np.pad(least, half, mode="edge")
    gain = signal.oaconvolve(padded, window / window.sum(), mode="valid")
    return np.asarray(samples * gain[:, None], dtype=np.float32)
