"""Fixed descriptions of a crop: level, texture, modulation and correlation of its bands."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from embeddings.audio.spectrogram import HOP_S, N_MELS

QUANTILES = (0.1, 0.5, 0.9)
POOLED_BANDS = 16  # four mel bands each: rhythm and balance need no finer ones
MODULATION_MIN_HZ = 0.4  # a bar of 2.5 s; a crop of 5 s holds two
MODULATION_MAX_HZ = 21.0  # just under half the frame rate of 43 Hz
MODULATION_BANDS = 10
_PAIRS = POOLED_BANDS * (POOLED_BANDS - 1) // 2
N_STATISTICS = (
    (3 + len(QUANTILES)) * N_MELS + MODULATION_BANDS * POOLED_BANDS + _PAIRS + 2 * (N_MELS - 2)
)


def describe(mels: Tensor) -> Tensor:
    """Describe crops by fixed statistics.

    Args:
        mels: (b, frames, N_MELS) float32 log mel power.

    Returns:
        (b, N_STATISTICS) float32.

    Source:
        Block-level descriptions after Seyerlehner, Widmer and Pohle, "Fusing Block-Level Features
        for Music Similarity Estimation", 2010 (spectral, fluctuation and correlation patterns).
    """
    pooled = mels.reshape(*mels.shape[:2], POOLED_BANDS, N_MELS // POOLED_BANDS).mean(3)
    centred = pooled - pooled.mean(1, keepdim=True)
    parts = (_levels(mels), modulation(centred), _correlation(centred), _contrast(mels))
    return torch.cat(parts, dim=1)


def modulation(centred: Tensor) -> Tensor:
    """Return how strongly each band swells and fades at each speed.

    Args:
        centred: (b, frames, POOLED_BANDS), mean 0 over frames.

    Returns:
        (b, MODULATION_BANDS * POOLED_BANDS), the natural log of mean magnitudes, slow to fast.
    """
    frames = centred.shape[1]
    window = torch.hann_window(frames, dtype=centred.dtype, device=centred.device)[:, None]
    spectrum = torch.fft.rfft(centred * window, dim=1).abs()
    bank = _modulation_bank(frames).to(spectrum)
    pooled = torch.einsum("kf,bfp->bkp", bank, spectrum)
    return torch.log(pooled + 1e-2).flatten(1)


def _levels(mels: Tensor) -> Tensor:
    change = (mels[:, 1:] - mels[:, :-1]).abs().mean(1)
    ordered = mels.sort(dim=1).values
    last = mels.shape[1] - 1
    quantiles = [ordered[:, round(share * last)] for share in QUANTILES]
    return torch.cat([mels.mean(1), mels.std(1), change, *quantiles], dim=1)


def _correlation(centred: Tensor) -> Tensor:
    # The floor keeps a band that never moves from being correlated by its rounding errors.
    scaled = centred / (centred.std(1, keepdim=True) + 1e-2)
    matrix = torch.einsum("bti,btj->bij", scaled, scaled) / centred.shape[1]
    upper = torch.triu_indices(POOLED_BANDS, POOLED_BANDS, offset=1)
    return matrix[:, upper[0], upper[1]]


def _contrast(mels: Tensor) -> Tensor:
    ridge = mels[:, :, 1:-1] - (mels[:, :, :-2] + mels[:, :, 2:]) / 2
    return torch.cat([ridge.abs().mean(1), ridge.mean(1)], dim=1)


def _modulation_bank(frames: int) -> Tensor:
    rates = torch.fft.rfftfreq(frames, d=HOP_S)
    low, high = math.log(MODULATION_MIN_HZ), math.log(MODULATION_MAX_HZ)
    edges = torch.exp(torch.linspace(low, high, MODULATION_BANDS + 1))
    inside = ((rates >= edges[:-1, None]) & (rates < edges[1:, None])).float()
    # A band narrower than one bin of a short crop takes the bin nearest to its middle.
    middles = (edges[:-1] * edges[1:]).sqrt()
    nearest = (rates[None] - middles[:, None]).abs().argmin(1)
    empty = inside.sum(1) == 0
    inside[empty, nearest[empty]] = 1.0
    shares: Tensor = inside / inside.sum(1, keepdim=True)
    return shares
