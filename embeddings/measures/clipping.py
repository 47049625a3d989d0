"""Clipping: waves cut off flat because they would have passed full scale."""

from __future__ import annotations

import numpy as np

from embeddings.measures.spectra import Samples

FULL_SCALE = 0.999  # a lossy coding ripples about the flat top, a 16-bit one ends at 0.99997
MIN_RUN = 3  # samples; a sound peak touches full scale once or twice


def clipped_share(samples: Samples) -> float:
    """Return the share of samples that stand in runs at or above full scale.

    A lone sample there is a peak that was normalised; three in a row are a wave that was cut. What
    was cut and turned down afterwards is not seen: a chip tune's square waves look the same.

    Args:
        samples: (n,) or (n, channels).

    Returns:
        In [0, 1], of the channel that has most.
    """
    columns = samples.reshape(len(samples), -1)
    return max(_share(columns[:, channel]) for channel in range(columns.shape[1]))


def _share(wave: Samples) -> float:
    full = np.abs(wave) >= FULL_SCALE
    edges = np.flatnonzero(np.diff(np.concatenate([[False], full, [False]])))
    lengths = edges[1::2] - edges[::2]
    return float(lengths[lengths >= MIN_RUN].sum() / max(1, len(wave)))
