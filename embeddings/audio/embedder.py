"""What every audio encoder promises, our own or a foreign one: crops of sound in, unit rows out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.audio.container import Samples


@dataclass(frozen=True, slots=True)
class Cut:
    """How a recording is cut for an encoder.

    Attributes:
        count: Evenly spread crops of a recording, at least 1.
        seconds: Length of each.
        sample_rate_hz: Rate the encoder hears.
    """

    count: int
    seconds: float
    sample_rate_hz: int

    @property
    def samples(self) -> int:
        """Return the length of a crop in samples."""
        return round(self.seconds * self.sample_rate_hz)


class AudioEmbedder(Protocol):
    """Turns crops into unit vectors; several threads may call it at once."""

    @property
    def cut(self) -> Cut:
        """Return how recordings must be cut."""

    @property
    def dim(self) -> int:
        """Return the length of a vector."""

    def embed_waves(self, waves: Samples) -> NDArray[np.float32]:
        """Embed crops.

        Args:
            waves: (b, cut.samples) float32 mono in [-1, 1] at the rate of the cut.

        Returns:
            (b, dim) float32 unit rows; not finite where the model gave no finite vector.
        """


class MelEncoder(Protocol):
    """Turns spectrogram crops into unit vectors: an encoder of ours, in torch or in ONNX."""

    def embed(self, mels: NDArray[np.floating]) -> NDArray[np.float32]:
        """Embed (b, frames, N_MELS) log mel power; (b, dim) float32 unit rows."""
