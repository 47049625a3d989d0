"""The trained encoder without torch: its exported network in ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from core.errors import ArtifactError
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.container import Samples
from embeddings.audio.embedder import Cut
from embeddings.audio.session import Network, open_network
from embeddings.audio.spectrogram import N_MELS, log_mel
from embeddings.audio.waveform import SAMPLE_RATE_HZ

CONFIG_FILE = "encoder.json"
NETWORK_FILE = "encoder.onnx"
INPUT_NAME = "mels"
OUTPUT_NAME = "vectors"
_BATCH_CROPS = 64  # 64 x 212 frames x 64 bands: 3.5 MB in, about 15 MB inside


@dataclass(frozen=True, slots=True, eq=False)
class OnnxEncoder:
    """A trained encoder that runs without torch; read with `load`.

    Attributes:
        config: What it was trained with.
        network: Its exported network.
    """

    config: EncoderConfig
    network: Network

    @property
    def cut(self) -> Cut:
        """Return how recordings must be cut."""
        return Cut(self.config.n_crops, self.config.crop_s, SAMPLE_RATE_HZ)

    @property
    def dim(self) -> int:
        """Return the length of a vector."""
        return self.config.dim

    def embed_waves(self, waves: Samples) -> NDArray[np.float32]:
        """Embed crops of sound.

        Args:
            waves: (b, cut.samples) float32 mono at `SAMPLE_RATE_HZ`.

        Returns:
            (b, dim) float32 unit rows.
        """
        frames = self.config.crop_frames
        mels = np.empty((len(waves), frames, N_MELS), dtype=np.float32)
        for row, wave in enumerate(waves):
            mels[row] = log_mel(wave)
        return self.embed(mels)

    def embed(self, mels: NDArray[np.floating]) -> NDArray[np.float32]:
        """Embed spectrogram crops.

        Args:
            mels: (b, config.crop_frames, N_MELS) log mel power.

        Returns:
            (b, dim) float32 unit rows.
        """
        vectors = np.empty((len(mels), self.config.dim), dtype=np.float32)
        for start in range(0, len(mels), _BATCH_CROPS):
            part = slice(start, start + _BATCH_CROPS)
            block = np.ascontiguousarray(mels[part], dtype=np.float32)
            vectors[part] = self.network.run(OUTPUT_NAME, {INPUT_NAME: block})
        return vectors

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> OnnxEncoder:
        """Read an encoder from an artifact's folder.

        Args:
            folder: Holds `encoder.json` and `encoder.onnx`.
            threads: Threads of one run; 1 leaves the cores to recordings side by side.

        Raises:
            ArtifactError: If a file is missing or broken, or they do not fit each other.
        """
        path = folder / CONFIG_FILE
        try:
            config = EncoderConfig.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise ArtifactError(f"{path} cannot be read ({error}); train the encoder") from error
        network = open_network(folder / NETWORK_FILE, threads)
        _check_fit(network, config)
        return cls(config, network)


def _check_fit(network: Network, config: EncoderConfig) -> None:
    wanted = {INPUT_NAME: (None, config.crop_frames, N_MELS), OUTPUT_NAME: (None, config.dim)}
    found = {port.name: port.shape for port in (*network.inputs, *network.outputs)}
    if found != wanted:
        raise ArtifactError(
            f"{network.path} takes and gives {found}, and {CONFIG_FILE} beside it says {wanted}; "
            "train the encoder again"
        )
