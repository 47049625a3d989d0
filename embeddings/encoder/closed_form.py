"""The part of an encoder that is fitted without a gradient: scales, dictionary, discriminants."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.crops import TrackCrops
from embeddings.encoder.dictionary import BANDS, fit_dictionary
from embeddings.encoder.discriminants import fit_discriminants
from embeddings.encoder.network import EncoderNetwork

Crops = NDArray[np.floating]
_BLOCK_TRACKS = 32  # 32 x 6 crops of 5 s: 21 MB of spectrograms, about 60 MB at work


def fit_closed_form(
    network: EncoderNetwork, heard: TrackCrops, config: EncoderConfig, seed: int
) -> None:
    """Fit what needs no gradient, on the CPU.

    Args:
        network: Changed in place.
        heard: Crops of the tracks; what a codec does to some is made to count for little.
        config: Sizes and shrinkage.
        seed: Decides the dictionary's beginning.
    """
    rng, crops = np.random.default_rng(seed), heard.values
    network.dictionary.load_state_dict(fit_dictionary(crops, config.atoms, rng))
    _fit_scales(network, crops)
    described = np.concatenate([_described(network, block) for block in _blocks(crops)])
    clean = described[heard.lossy_rows, heard.lossy_crops]
    lossy = [_described(network, block[:, None])[:, 0] for block in _blocks(heard.lossy)]
    changed = (clean, np.concatenate(lossy)) if lossy else None
    found = fit_discriminants(described, config.described_dim, config.shrinkage, changed)
    network.described_mean.copy_(torch.from_numpy(found.mean))
    network.described_scale.copy_(torch.from_numpy(found.scale))
    network.described_centre.copy_(torch.from_numpy(found.centre))
    network.directions.copy_(torch.from_numpy(found.directions))


def gather_crowd(network: EncoderNetwork, crops: Crops) -> None:
    """Let a trained network know the tracks it was trained on, see `Crowding`.

    Args:
        network: In evaluation mode; changed in place.
        crops: (n_tracks, n_crops, frames, N_MELS) log mel power.
    """
    device = network.mel_mean.device
    parts = []
    with torch.no_grad():
        for block in _blocks(crops):
            rows = network.uncrowded(torch.from_numpy(block).flatten(0, 1).to(device))
            parts.append(rows.reshape(*block.shape[:2], -1).mean(1))
    network.crowding.gather(functional.normalize(torch.cat(parts), dim=1))


def _described(network: EncoderNetwork, block: NDArray[np.float32]) -> NDArray[np.float64]:
    with torch.inference_mode():
        flat = network.described(torch.from_numpy(block).flatten(0, 1))
    return flat.double().numpy().reshape(*block.shape[:2], -1)


def _fit_scales(network: EncoderNetwork, crops: Crops) -> None:
    total, squares, count = np.zeros(BANDS), np.zeros(BANDS), 0
    for block in _blocks(crops):
        flat = block.reshape(-1, BANDS, 2).mean(axis=2)
        total += flat.sum(axis=0, dtype=np.float64)
        squares += np.einsum("ij,ij->j", flat, flat, dtype=np.float64)
        count += len(flat)
    mean = total / count
    scale = np.sqrt(np.maximum(squares / count - mean**2, 1e-6))
    network.mel_mean.copy_(torch.from_numpy(mean))
    network.mel_scale.copy_(torch.from_numpy(scale))


def _blocks(crops: Crops) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(crops), _BLOCK_TRACKS):
        yield np.asarray(crops[start : start + _BLOCK_TRACKS], dtype=np.float32)
