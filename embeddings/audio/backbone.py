"""A pretrained model of someone else's, as ONNX, in the place of our encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import ArtifactError, ConfigError
from embeddings.audio.configuration import BackboneConfig
from embeddings.audio.container import Samples
from embeddings.audio.embedder import Cut
from embeddings.audio.feeding import Feeding, fed, plan_feeding
from embeddings.audio.session import Network, open_network
from embeddings.vectors import unit_rows

OWN = "segue"
_SCHEME = "onnx:"
_CHECK_FEEDING = "check sample_rate_hz, input and mel under [embeddings.audio.input]"


@dataclass(frozen=True, slots=True, eq=False)
class OnnxBackbone:
    """A foreign model that embeds crops; opened with `open_backbone`.

    Attributes:
        config: How it is fed and read.
        network: The model.
        feeding: What its input wants.
        output: The output that is read.
        dim: Length of a vector.
    """

    config: BackboneConfig
    network: Network
    feeding: Feeding
    output: str
    dim: int

    @property
    def cut(self) -> Cut:
        """Return how recordings must be cut."""
        rate_hz = self.config.sample_rate_hz
        return Cut(self.config.n_crops, self.feeding.samples / rate_hz, rate_hz)

    def embed_waves(self, waves: Samples) -> NDArray[np.float32]:
        """Embed crops.

        Args:
            waves: (b, cut.samples) float32 mono at the rate of the cut.

        Returns:
            (b, dim) float32 unit rows; not finite where the model's are not.

        Raises:
            ArtifactError: If the model fails, or gives another shape than when it was opened.
        """
        vectors = np.empty((len(waves), self.dim), dtype=np.float32)
        size = self.feeding.batch or max(1, len(waves))
        for start in range(0, len(waves), size):
            block = waves[start : start + size]
            rows = _embedded(self.network, self.output, self.feeding, self.config, block)
            if rows.shape != (len(block), self.dim):
                raise ArtifactError(
                    f"{self.network.path} gave {rows.shape} for {len(block)} crops and "
                    f"{self.dim} values a crop before; export it with a fixed width"
                )
            with np.errstate(invalid="ignore"):  # an infinite row becomes NaN, as promised
                vectors[start : start + size] = unit_rows(rows)
        return vectors


def backbone_path(backbone: str) -> Path | None:
    """Read the setting `backbone`: None for our own encoder, else the model's file.

    Raises:
        ConfigError: If it is neither `segue` nor `onnx:PATH`.
    """
    if backbone == OWN:
        return None
    if not backbone.startswith(_SCHEME) or backbone == _SCHEME:
        raise ConfigError(
            f"backbone {backbone!r} is not known; write {OWN!r} or '{_SCHEME}PATH' of a model file"
        )
    return Path(backbone.removeprefix(_SCHEME))


def open_backbone(path: Path, config: BackboneConfig, *, threads: int = 1) -> OnnxBackbone:
    """Open a foreign model and try it on a second of sound.

    Args:
        path: The ONNX file.
        config: How it is fed and read.
        threads: Threads of one run; 1 leaves the cores to recordings side by side.

    Raises:
        ArtifactError: If the file is missing or no ONNX model, or the model fails.
        ConfigError: If it cannot be fed as configured, or does not give vectors.
    """
    network = open_network(path, threads)
    feeding = plan_feeding(network.inputs, config, path)
    output = _chosen_output(network, config)
    rows = _embedded(network, output, feeding, config, _trial(feeding, config))
    if not np.isfinite(rows).all() or not rows.any(axis=1).all():
        raise ConfigError(f"{path} gives no finite vector of a tone; {_CHECK_FEEDING}")
    return OnnxBackbone(config, network, feeding, output, rows.shape[1])


def _chosen_output(network: Network, config: BackboneConfig) -> str:
    names = [port.name for port in network.outputs]
    if config.output and config.output not in names:
        raise ConfigError(
            f"{network.path} has no output {config.output!r}; it has {', '.join(names)}"
        )
    return config.output or names[0]


def _embedded(
    network: Network, output: str, feeding: Feeding, config: BackboneConfig, waves: Samples
) -> NDArray[np.float32]:
    """Return one raw vector a crop, (b, dim)."""
    given = fed(waves, feeding, config)
    value = network.run(output, {feeding.name: given})
    if value.ndim == 3:
        value = value.mean(axis=config.time_axis, dtype=np.float32)
    if value.ndim != 2 or len(value) != len(given):
        raise ConfigError(
            f"output {output!r} of {network.path} has shape {value.shape} for {len(given)} crops; "
            "name one under `output` that is (batch, dim) or (batch, time, dim)"
        )
    return np.asarray(value[: len(waves)], dtype=np.float32)


def _trial(feeding: Feeding, config: BackboneConfig) -> Samples:
    """Return one crop of a tone of 440 Hz."""
    at = np.arange(feeding.samples) / config.sample_rate_hz
    return (0.1 * np.sin(2 * np.pi * 440.0 * at)).astype(np.float32)[None]
