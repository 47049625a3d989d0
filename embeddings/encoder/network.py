"""The audio encoder: discriminants of fixed descriptions beside a learned convolution."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional

from core.errors import ArtifactError
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.runtime import CONFIG_FILE, NETWORK_FILE
from embeddings.encoder.crowding import Crowding
from embeddings.encoder.dictionary import BANDS, SoundDictionary, paired
from embeddings.encoder.discriminants import SQUASH
from embeddings.encoder.export import export_onnx
from embeddings.encoder.log import TrainingLog
from embeddings.encoder.statistics import N_STATISTICS, describe

WEIGHTS_FILE = "encoder.pt"
LOG_FILE = "training.json"
_BATCH_CROPS = 256  # 256 x 212 frames x 64 bands: 14 MB in, about 60 MB inside


class EncoderNetwork(nn.Module):
    """From log mel crops to unit vectors.

    Two unit parts stand side by side: fixed descriptions (statistics and a dictionary of sounds)
    projected where tracks differ most from one another against how they differ within themselves,
    and a learned convolution over time. Their squared lengths are `1 - learned_share` and
    `learned_share`, so a cosine is the weighted mean of two cosines. A last coordinate takes away
    what a crop has in common with everything.
    """

    mel_mean: Tensor
    mel_scale: Tensor
    described_mean: Tensor
    described_scale: Tensor
    described_centre: Tensor
    directions: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width = config.channels
        self.learned_share = config.learned_share
        self.register_buffer("mel_mean", torch.zeros(BANDS))
        self.register_buffer("mel_scale", torch.ones(BANDS))
        self.dictionary = SoundDictionary(config.atoms)
        k = N_STATISTICS + config.atoms
        self.register_buffer("described_mean", torch.zeros(k))
        self.register_buffer("described_scale", torch.ones(k))
        self.register_buffer("described_centre", torch.zeros(k))
        self.register_buffer("directions", torch.randn(k, config.described_dim))
        self.convolution = nn.Sequential(
            *_layer(BANDS, width, 5), *_layer(width, width, 5), *_layer(width, width, 3)
        )
        self.head = nn.Sequential(
            nn.Linear(2 * width, 2 * width, bias=False),
            nn.BatchNorm1d(2 * width),
            nn.ReLU(),
            nn.Linear(2 * width, config.learned_dim),
        )
        self.crowding = Crowding(config.dim - 1)

    def forward(self, mels: Tensor) -> Tensor:
        """Embed crops.

        Args:
            mels: (b, frames, N_MELS) float32 log mel power.

        Returns:
            (b, dim) unit rows.
        """
        rows: Tensor = self.crowding(self.uncrowded(mels))
        return rows

    def uncrowded(self, mels: Tensor) -> Tensor:
        """Return both parts, (b, dim - 1) unit rows."""
        described = self.discriminated(self.described(mels)) * math.sqrt(1.0 - self.learned_share)
        learned = self.learned(self.normalised(mels)) * math.sqrt(self.learned_share)
        return functional.normalize(torch.cat([described, learned], dim=1), dim=1)

    def described(self, mels: Tensor) -> Tensor:
        """Return fixed descriptions of crops, (b, N_STATISTICS + atoms)."""
        return torch.cat([describe(mels), self.dictionary(mels)], dim=1)

    def discriminated(self, described: Tensor) -> Tensor:
        """Return the unit discriminants of descriptions, (b, described_dim)."""
        scaled = (described - self.described_mean) / (self.described_scale * SQUASH)
        squashed = SQUASH * torch.tanh(scaled) - self.described_centre
        return functional.normalize(squashed @ self.directions, dim=1)

    def learned(self, normalised: Tensor) -> Tensor:
        """Return the unit learned part of normalised crops, (b, learned_dim)."""
        hidden = self.convolution(normalised.transpose(1, 2))
        pooled = torch.cat([hidden.mean(2), hidden.std(2)], dim=1)
        return functional.normalize(self.head(pooled), dim=1)

    def normalised(self, mels: Tensor) -> Tensor:
        """Return (b, frames, BANDS) with mean 0 and variance 1 a band over the training tracks."""
        return (paired(mels) - self.mel_mean) / self.mel_scale

    def trained_parts(self) -> nn.ModuleList:
        """Return what gradients change; all else is fitted in closed form."""
        return nn.ModuleList([self.convolution, self.head])


@dataclass(frozen=True, slots=True, eq=False)
class AudioEncoder:
    """A trained encoder; made by `train_encoder`.

    Attributes:
        config: What it was trained with; crops to embed must be cut the same way.
        network: Its weights, in evaluation mode.
        log: How its training went.
    """

    config: EncoderConfig
    network: EncoderNetwork
    log: TrainingLog = field(default_factory=TrainingLog)

    def embed(self, mels: NDArray[np.floating]) -> NDArray[np.float32]:
        """Embed crops.

        Args:
            mels: (b, frames, N_MELS) log mel power.

        Returns:
            (b, dim) float32 unit rows.
        """
        device = self.network.mel_mean.device
        parts = []
        with torch.inference_mode():
            for start in range(0, len(mels), _BATCH_CROPS):
                block = np.asarray(mels[start : start + _BATCH_CROPS], dtype=np.float32)
                parts.append(self.network(torch.from_numpy(block).to(device)).cpu().numpy())
        if not parts:
            return np.empty((0, self.config.dim), dtype=np.float32)
        return np.concatenate(parts)

    def save(self, folder: Path) -> None:
        """Write the config, the weights, their ONNX export and the training log into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        text = self.config.model_dump_json(indent=2)
        (folder / CONFIG_FILE).write_text(text, encoding="utf-8")
        (folder / LOG_FILE).write_text(self.log.model_dump_json(indent=2), encoding="utf-8")
        state = {name: value.cpu() for name, value in self.network.state_dict().items()}
        torch.save(state, folder / WEIGHTS_FILE)
        export_onnx(self.network, self.config, folder / NETWORK_FILE)

    @classmethod
    def load(cls, folder: Path) -> AudioEncoder:
        """Read an encoder back, on the CPU; the weights file cannot run code.

        Raises:
            ArtifactError: If a file is missing, broken, or the weights do not fit the config.
        """
        try:
            text = (folder / CONFIG_FILE).read_text(encoding="utf-8")
            config = EncoderConfig.model_validate_json(text)
            network = EncoderNetwork(config)
            weights = torch.load(folder / WEIGHTS_FILE, map_location="cpu", weights_only=True)
            network.load_state_dict(weights)
            log = TrainingLog.model_validate_json((folder / LOG_FILE).read_text(encoding="utf-8"))
        except (OSError, ValidationError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise ArtifactError(f"the encoder in {folder} cannot be read ({error})") from error
        return cls(config, network.eval(), log)


def _layer(inputs: int, outputs: int, width: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv1d(inputs, outputs, width, stride=2, bias=False)
    return convolution, nn.BatchNorm1d(outputs), nn.ReLU()
