"""Fixed descriptions of a crop: level, texture, modulation, repetition and harmony."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from embeddings.audio.spectrogram import HOP_S, N_MELS
from embeddings.encoder.repetition import N_REPETITION, repetition
from embeddings.encoder.tonality import N_TONALITY, tonality

QUANTILES = (0.1, 0.5, 0.9)
POOLED_BANDS = 16  # eight mel bands each: rhythm and balance need no finer ones
MODULATION_MIN_HZ = 0.4  # a bar of 2.5 s; a crop of 5 s holds two
MODULATION_MAX_HZ = 21.0  # just under half the frame rate of 43 Hz
MODULATION_BANDS = 10
_PAIRS = POOLED_BANDS * (POOLED_BANDS - 1) // 2
_TEXTURE = (3 + len(QUANTILES)) * N_MELS + 2 * (N_MELS - 2)
N_STATISTICS = _TEXTURE + MODULATION_BANDS * POOLED_BANDS + _PAIRS + N_REPETITION + N_TONALITY


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
    texture = (_levels(mels), modulation(centred), _correlation(centred), _contrast(mels))
    parts = (*texture, repetition(mels), tonality(mels))
    return torch.cat(parts, dim=1)


def modulation(centred: Tensor) -> Tensor:
    """Return how strongly each band swells and fades at each speed.

    Args:
        centred: (b, frames, POOLED_BANDS), mean 0 over frames.

    Returns:
        (b, MODULATION_BANDS * POOLED_BANDS), the natural log of mean magnitudes, slow to fast.
    """
    cosines, sines, bank = (part.to(centred) for part in _modulation_bank(int(centred.shape[1])))
    # A product with a few hundred waves, not a fast transform: it exports to ONNX as it stands.
    # The floor keeps the slope of the root finite in bands that do not move.
    power = (cosines @ centred) ** 2 + (sines @ centred) ** 2
    pooled = bank @ torch.sqrt(power + 1e-12)
    return torch.log(pooled + 1e-2).flatten(1)


def _levels(mels: Tensor) -> Tensor:
    change = (mels[:, 1:] - mels[:, :-1]).abs().mean(1)
    ordered = mels.sort(dim=1).values
    last = int(mels.shape[1]) - 1
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


@cache
def _modulation_bank(frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return windowed cosines and sines (rates, frames), and the shares of bands (bands, rates)."""
    at = torch.arange(frames, dtype=torch.float64)
    bins = torch.arange(frames // 2 + 1, dtype=torch.float64)
    rates = bins / (frames * HOP_S)
    window = torch.hann_window(frames, dtype=torch.float64)
    angles = 2 * math.pi * bins[:, None] * at / frames
    low, high = math.log(MODULATION_MIN_HZ), math.log(MODULATION_MAX_HZ)
    edges = torch.exp(torch.linspace(low, high, MODULATION_BANDS + 1, dtype=torch.float64))
    inside = ((rates >= edges[:-1, None]) & (rates < edges[1:, None])).double()
    # A band narrower than one bin of a short crop takes the bin nearest to its middle.
    middles = (edges[:-1] * edges[1:]).sqrt()
    nearest = (rates[None] - middles[:, None]).abs().argmin(1)
    empty = inside.sum(1) == 0
    inside[empty, nearest[empty]] = 1.0
    shares = inside / inside.sum(1, keepdim=True)
    return torch.cos(angles) * window, torch.sin(angles) * window, shares
