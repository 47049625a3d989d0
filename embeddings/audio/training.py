"""Training the audio encoder: discriminants in closed form, then the contrastive convolution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import linalg
from torch import Tensor

from core.errors import DataError
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.encoder import AudioEncoder, EncoderNetwork
from embeddings.audio.objectives import augmented, nt_xent
from embeddings.audio.spectrogram import N_MELS
from embeddings.audio.statistics import describe

__all__ = ["EncoderConfig", "discriminants", "train_encoder"]

Crops = NDArray[np.floating]
Wide = NDArray[np.float64]
_BLOCK_TRACKS = 64


def train_encoder(
    crops: Crops,
    config: EncoderConfig,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> AudioEncoder:
    """Train an encoder on a catalogue's own recordings, without any label.

    Args:
        crops: (n_tracks, n_crops, frames, N_MELS) log mel power, see `read_track_crops`.
        config: Sizes and length of the training.
        seed: The same seed, crops and machine give the same weights (on the CPU).
        progress: Called with (steps done, steps in all).

    Returns:
        The encoder, on a GPU if there is one.

    Raises:
        DataError: If there are fewer than two tracks, or the crops are cut otherwise.
    """
    wanted = (config.n_crops, config.crop_frames, N_MELS)
    if crops.ndim != 4 or crops.shape[1:] != wanted or len(crops) < 2:
        raise DataError(
            f"crops have shape {crops.shape}; training needs at least 2 tracks of shape {wanted}"
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # Weights are drawn from torch's global generator, which is put back afterwards.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = EncoderNetwork(config)
    _fit_scales(network, crops)
    _fit_projection(network, crops, config)
    network.to(device).train()
    _fit_convolution(network, crops, config, seed, progress)
    return AudioEncoder(config, network.eval())


def discriminants(features: Wide, dim: int, shrinkage: float) -> tuple[Wide, Wide]:
    """Find the directions in which tracks differ most, against how each differs within itself.

    Args:
        features: (n_tracks, n_crops, k).
        dim: Directions wanted, at most k.
        shrinkage: Ridge of the within-track scatter in units of its mean variance.

    Returns:
        The mean of the features (k,), and the directions (k, dim), strongest first.

    Source:
        Fisher's discriminant with every track as its own class; the ridge after Friedman,
        "Regularized Discriminant Analysis", 1989.
    """
    k = features.shape[-1]
    flat = features.reshape(-1, k)
    mean, scale = flat.mean(axis=0), flat.std(axis=0) + 1e-6
    scaled = (features - mean) / scale
    middle = scaled.mean(axis=1)
    spread = (scaled - middle[:, None]).reshape(-1, k)
    within = spread.T @ spread / len(spread)
    between = middle.T @ middle / len(middle)
    # The constant keeps the system definite when all crops of every track are equal.
    ridge = shrinkage * np.trace(within) / k + 1e-6
    _, directions = linalg.eigh(
        between, within + ridge * np.eye(k), subset_by_index=(k - dim, k - 1)
    )
    directions = directions[:, ::-1]
    # An eigenvector's sign is arbitrary; fixing it makes the result the same everywhere.
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(dim)]
    return mean, directions * np.sign(largest) / scale[:, None]


def _fit_scales(network: EncoderNetwork, crops: Crops) -> None:
    total, squares, count = np.zeros(N_MELS), np.zeros(N_MELS), 0
    for start in range(0, len(crops), _BLOCK_TRACKS):
        block = np.asarray(crops[start : start + _BLOCK_TRACKS], dtype=np.float32)
        flat = block.reshape(-1, N_MELS)
        total += flat.sum(axis=0, dtype=np.float64)
        squares += np.einsum("ij,ij->j", flat, flat, dtype=np.float64)
        count += len(flat)
    mean = total / count
    scale = np.sqrt(np.maximum(squares / count - mean**2, 1e-6))
    network.mel_mean.copy_(torch.from_numpy(mean))
    network.mel_scale.copy_(torch.from_numpy(scale))


def _fit_projection(network: EncoderNetwork, crops: Crops, config: EncoderConfig) -> None:
    parts = []
    for start in range(0, len(crops), _BLOCK_TRACKS):
        block = torch.from_numpy(np.asarray(crops[start : start + _BLOCK_TRACKS], np.float32))
        described = describe(block.flatten(0, 1)).reshape(*block.shape[:2], -1)
        parts.append(described.double().numpy())
    fixed_dim = config.dim - config.learned_dim
    mean, directions = discriminants(np.concatenate(parts), fixed_dim, config.shrinkage)
    network.statistics_mean.copy_(torch.from_numpy(mean))
    network.projection.copy_(torch.from_numpy(directions))


def _fit_convolution(
    network: EncoderNetwork,
    crops: Crops,
    config: EncoderConfig,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    rng = np.random.default_rng(seed)
    noise = torch.Generator().manual_seed(seed)
    device = network.mel_mean.device
    learned = [*network.convolution.parameters(), *network.head.parameters()]
    optimiser = torch.optim.AdamW(learned, lr=config.learning_rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=config.learning_rate, total_steps=config.steps + 1
    )
    for step in range(config.steps):
        mels = network.normalised(_two_views(crops, config, rng).to(device))
        views = network.learned(augmented(mels.cpu(), noise).to(device))
        first, second = views.chunk(2)
        loss = nt_xent(first, second, config.temperature)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if progress is not None:
            progress(step + 1, config.steps)


def _two_views(crops: Crops, config: EncoderConfig, rng: np.random.Generator) -> Tensor:
    """Draw two windows, from different crops, of each of a batch of tracks."""
    size = min(config.batch_tracks, len(crops))
    tracks = rng.choice(len(crops), size, replace=False)
    first = rng.integers(0, config.n_crops, size)
    second = (first + rng.integers(1, config.n_crops, size)) % config.n_crops
    starts = rng.integers(0, config.crop_frames - config.window_frames + 1, 2 * size)
    views = np.empty((2 * size, config.window_frames, N_MELS), dtype=np.float32)
    chosen = zip(np.tile(tracks, 2), np.concatenate([first, second]), starts, strict=True)
    for row, (track, crop, start) in enumerate(chosen):
        views[row] = crops[track, crop, start : start + config.window_frames]
    return torch.from_numpy(views)
