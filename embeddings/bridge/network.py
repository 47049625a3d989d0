"""A small network that learns what the linear map left over; trained with torch, read without."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from embeddings.bridge.configuration import BridgeConfig
from embeddings.bridge.examples import Examples, Wide
from embeddings.bridge.layers import Layers
from embeddings.bridge.ridge import fit_ridge

LEARNING_RATE = 3e-3
WEIGHT_DECAY = 3e-2
LOOK_EVERY = 10  # steps between looks at the held-out error


def train_layers(
    examples: Examples, left: Wide, config: BridgeConfig, steps: int, seed: int
) -> Iterator[Layers]:
    """Train a network to predict what a linear map left over, and look at it now and then.

    All tracks are one batch, so that nothing is drawn but the first weights.

    Args:
        examples: Vectors, weights and metric.
        left: (n, k) residuals of the linear map.
        config: Hidden units.
        steps: Steps taken, a multiple of `LOOK_EVERY`.
        seed: Decides the first weights.

    Yields:
        The network after every `LOOK_EVERY` steps.

    Source:
        Adam with decoupled decay: Loshchilov and Hutter, 2019.
    """
    aims = left @ examples.metric
    scale = float(aims.std()) or 1.0
    spread = float(np.sqrt(examples.vectors.shape[1]))  # brings unit rows to entries of size 1
    inputs = torch.from_numpy(examples.vectors * spread).float()
    wanted = torch.from_numpy(aims / scale).float()
    weights = torch.from_numpy(examples.weights).float()[:, None]
    parts = _start(inputs.shape[1], config.network_hidden, wanted.shape[1], seed)
    optimiser = torch.optim.AdamW(parts, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    back = np.asarray(scale * np.linalg.pinv(examples.metric), dtype=np.float64)
    for step in range(1, steps + 1):
        bent = torch.relu(inputs @ parts[0] + parts[1]) @ parts[2]
        loss = (weights * (bent - wanted) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % LOOK_EVERY == 0:
            yield _layers(parts, spread, back)


def held_out_layers(
    examples: Examples, strength: float, config: BridgeConfig, seed: int
) -> tuple[Wide, int]:
    """Predict each track by a network that never saw it, stopped where such predictions are best.

    Args:
        examples: Tracks and folds.
        strength: Of the linear map whose residuals are learned.
        config: Units and most steps.
        seed: Decides the first weights.

    Returns:
        (n, k) predictions, linear map and network together, and the steps after which the error
        over all folds was smallest.
    """
    steps = max(1, config.network_steps // LOOK_EVERY) * LOOK_EVERY
    found = np.empty((steps // LOOK_EVERY, *examples.factors.shape))
    for fold in np.unique(examples.folds):
        held = examples.folds == fold
        known, inputs = examples.take(~held), examples.vectors[held]
        linear = fit_ridge(known, strength)
        left = known.factors - linear.predict(known.vectors)
        for at, layers in enumerate(train_layers(known, left, config, steps, seed)):
            found[at, held] = linear.predict(inputs) + layers.predict(inputs)
    best = int(np.argmin([examples.errors(predicted).sum() for predicted in found]))
    return found[best], (best + 1) * LOOK_EVERY


def _start(dim: int, units: int, k: int, seed: int) -> list[Tensor]:
    """Draw the first weights; the last layer starts at zero: nothing is added to begin with."""
    noise = torch.Generator().manual_seed(seed % 2**63)
    hidden = torch.randn(dim, units, generator=noise) * (2.0 / dim) ** 0.5
    parts = [hidden, torch.zeros(units), torch.zeros(units, k)]
    return [part.requires_grad_() for part in parts]


def _layers(parts: list[Tensor], spread: float, back: Wide) -> Layers:
    hidden, hidden_bias, out = (part.detach().double().numpy().copy() for part in parts)
    return Layers(hidden * spread, hidden_bias, out @ back)
