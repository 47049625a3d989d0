"""How a crop resembles itself some time later: its pulse, its loops and what changes between."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from embeddings.audio.spectrogram import N_MELS

# Frames of 23 ms: from one onset to the next, over beats and bars, to 3.5 s.
LAGS = (1, 2, 3, 4, 6, 8, 11, 16, 22, 32, 43, 64, 86, 107, 129, 150)
GROUPS = 32  # four mel bands each
REGISTERS = (0, 10, 21, GROUPS)  # below 660 Hz, to 2.7 kHz, above
# Of a frame's length in log10 of power: what moves less than that is noise, and resembles nothing.
FLOOR = 0.1
_ASPECTS = 3 + len(REGISTERS) - 1
N_REPETITION = _ASPECTS * len(LAGS)


def repetition(mels: Tensor) -> Tensor:
    """Describe crops by the cosine of each frame with the one a lag later.

    Every band is freed of its mean first, so that what repeats is movement, not timbre.

    Args:
        mels: (b, frames, N_MELS) float32 log mel power; lags beyond a short crop's end are cut to
            its last frame.

    Returns:
        (b, N_REPETITION): for each of `LAGS` the mean cosine of all bands, those within each
        register, that of the spectral peaks, and the deviation of the first.

    Source:
        Foote, "Visualizing Music and Audio using Self-Similarity", 1999; its beat spectrum.
    """
    bands = mels.reshape(*mels.shape[:2], GROUPS, N_MELS // GROUPS).mean(3)
    moving = bands - bands.mean(1, keepdim=True)
    whole = _alike(moving)
    registers = [_alike(moving[:, :, low:high]) for low, high in pairwise(REGISTERS)]
    averaged = [whole, *registers, _alike(_peaks(mels))]
    means = [value.mean(1) for values in averaged for value in values]
    deviations = [value.std(1, correction=0) for value in whole]
    return torch.stack([*means, *deviations], dim=1)


def _alike(moving: Tensor) -> list[Tensor]:
    """Return the cosines at each lag, each (b, frames - lag)."""
    unit = moving / (moving.norm(dim=2, keepdim=True) + FLOOR)
    last = int(moving.shape[1]) - 1
    lags = [min(lag, last) for lag in LAGS]
    return [(unit[:, lag:] * unit[:, : last + 1 - lag]).sum(2) for lag in lags]


def _peaks(mels: Tensor) -> Tensor:
    """Return how far each band stands above its neighbours, free of its mean over time."""
    above = functional.relu(mels[:, :, 1:-1] - (mels[:, :, :-2] + mels[:, :, 2:]) / 2)
    return above - above.mean(1, keepdim=True)
