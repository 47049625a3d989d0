"""Clipping: how flat a recording was pressed, and pressing another one as flat."""

from __future__ import annotations

import numpy as np

from embeddings.audio.container import Samples

PEAK_SHARE = 0.999  # of the samples are below what counts as the peak: a lone click does not
_HALVINGS = 24  # of the search: the ceiling is then known to a ten-millionth of the peak


def crest_db(samples: Samples) -> float:
    """Return how far the peaks of a recording stand above its mean power.

    Returns:
        Decibels: about 12 to 20 of music, 3 of a sine, and less the more it is clipped.
    """
    if not len(samples):
        return 0.0
    peak = float(np.quantile(np.abs(samples), PEAK_SHARE))
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return 10.0 * float(np.log10(max(peak**2, 1e-30) / max(power, 1e-30)))


def clipped_to(samples: Samples, crest: float) -> Samples:
    """Clip a recording until its peaks stand so far above its mean power.

    Args:
        samples: (n,) mono.
        crest: Decibels, see `crest_db`; a recording that is flatter already stays as it is.
    """
    low, high = 0.0, float(np.abs(samples).max(initial=0.0))
    for _ in range(_HALVINGS):
        ceiling = (low + high) / 2
        if crest_db(np.clip(samples, -ceiling, ceiling)) > crest:
            high = ceiling
        else:
            low = ceiling
    return np.clip(samples, -high, high)
