"""A dictionary of short sounds: how much a crop holds of each, learned without any label."""

from __future__ import annotations

import faiss
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from embeddings.audio.spectrogram import N_MELS

BANDS = N_MELS // 2  # heard in pairs: the statistics see them one by one
PATCH_FRAMES = 4  # 93 ms: an attack; 8 and 16 frames rank no better, 1 and 32 worse
STRIDE = 2
WHITENED = 128  # of 256 dimensions; the rest holds 1 % of the variance
THRESHOLD = 0.1  # of a cosine: below it a sound is not there
FLOOR = 0.01  # of the mean variance, added before whitening divides by it
N_PATCHES = 30_000
ITERATIONS = 10


class SoundDictionary(nn.Module):
    """Compares every moment of a crop with a dictionary, and says how present each sound is.

    A patch of `PATCH_FRAMES` is freed of its level, whitened, scaled to length 1 and compared
    with each atom by cosine; what lies above a threshold is averaged over the crop.

    Args:
        atoms: Sounds in the dictionary.

    Source:
        Coates and Ng, "Learning Feature Representations with K-means", 2012; for music, Dieleman
        and Schrauwen, "Multiscale Approaches to Music Audio Feature Learning", 2013.
    """

    whitening: Tensor
    offset: Tensor
    atoms: Tensor

    def __init__(self, atoms: int) -> None:
        super().__init__()
        # Random, like any layer before it is fitted: an untrained encoder is a baseline.
        self.register_buffer("whitening", torch.randn(WHITENED, BANDS, PATCH_FRAMES))
        self.register_buffer("offset", torch.zeros(WHITENED))
        self.register_buffer("atoms", functional.normalize(torch.randn(atoms, WHITENED, 1), dim=1))

    def forward(self, mels: Tensor) -> Tensor:
        """Describe crops.

        Args:
            mels: (b, frames, N_MELS) log mel power.

        Returns:
            (b, atoms) in [0, 1], the root of the mean presence of each sound.
        """
        bands = paired(mels).transpose(1, 2)
        patches = functional.conv1d(bands, self.whitening, self.offset, stride=STRIDE)
        found = functional.conv1d(functional.normalize(patches, dim=1), self.atoms)
        # The floor keeps the slope of the root finite where a sound is absent.
        return torch.sqrt(functional.relu(found - THRESHOLD).mean(2) + 1e-8)


def paired(mels: Tensor) -> Tensor:
    """Return (b, frames, BANDS), the mean of each pair of neighbouring bands."""
    return mels.reshape(*mels.shape[:2], BANDS, 2).mean(3)


def fit_dictionary(
    crops: NDArray[np.floating], atoms: int, rng: np.random.Generator
) -> dict[str, Tensor]:
    """Learn the weights of a `SoundDictionary` from random patches of many tracks.

    Args:
        crops: (n_tracks, n_crops, frames, N_MELS) log mel power.
        atoms: Sounds wanted.
        rng: Draws the patches and the first atoms.
    """
    patches = _patches(crops, rng)
    mean = patches.mean(axis=0)
    # A patch's own level goes first: a quiet and a loud attack are the same sound.
    levelled = patches - mean
    levelled -= levelled.mean(axis=1, keepdims=True)
    values, axes = np.linalg.eigh(levelled.T @ levelled / len(levelled))
    kept = slice(len(values) - WHITENED, None)
    whitening = axes[:, kept] / np.sqrt(np.maximum(values[kept], 0) + FLOOR * values.mean() + 1e-9)
    # Taking a patch's mean away is itself linear, and so a part of the whitening.
    whitening -= whitening.mean(axis=0)
    white = levelled @ whitening
    white /= np.maximum(np.linalg.norm(white, axis=1, keepdims=True), 1e-6)
    means = faiss.Kmeans(
        WHITENED,
        atoms,
        niter=ITERATIONS,
        spherical=True,
        seed=int(rng.integers(2**31 - 1)),
        min_points_per_centroid=1,
        max_points_per_centroid=N_PATCHES,
    )
    means.train(white.astype(np.float32))
    centroids: NDArray[np.float32] = np.asarray(means.centroids)
    kernel = whitening.T.reshape(WHITENED, PATCH_FRAMES, BANDS).transpose(0, 2, 1)
    weights = {"whitening": kernel, "offset": -mean @ whitening, "atoms": centroids[:, :, None]}
    return {name: torch.from_numpy(np.float32(value)) for name, value in weights.items()}


def _patches(crops: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw patches, (n, PATCH_FRAMES * BANDS); no more than there are."""
    n_tracks, n_crops, frames, _ = crops.shape
    places = frames - PATCH_FRAMES + 1
    n = min(N_PATCHES, n_tracks * n_crops * places)
    tracks, which = rng.integers(0, n_tracks, n), rng.integers(0, n_crops, n)
    at = rng.integers(0, places, n)[:, None] + np.arange(PATCH_FRAMES)
    chosen = crops[tracks[:, None], which[:, None], at].astype(np.float64)
    bands: NDArray[np.float64] = chosen.reshape(n, PATCH_FRAMES, BANDS, 2).mean(axis=3)
    return bands.reshape(n, -1)
