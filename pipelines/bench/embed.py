"""How fast recordings become vectors: each stage bare, all together, and torch beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.errors import AudioDecodeError, DataError
from core.randomness import generator
from core.workspace import Workspace
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.container import Samples
from embeddings.audio.embedder import Cut
from embeddings.audio.inference import embed_files
from embeddings.audio.runtime import NETWORK_FILE, OnnxEncoder
from embeddings.audio.spectrogram import log_mel
from embeddings.audio.waveform import read_crops
from pipelines.bench.stages import Seconds, Work, time_rounds
from pipelines.importers.recordings import find_recordings
from pipelines.job import Progress, Report
from pipelines.music.renderer import SAMPLE_RATE_HZ
from pipelines.music.style import STYLES, sample_attributes
from pipelines.world.catalogue import record_track

if TYPE_CHECKING:
    from embeddings.encoder.network import AudioEncoder

BARE = ("decode", "mel", "encoder")
_SPARE = 1.2  # rendered clips are this much longer than their crops together


class EmbedBenchConfig(BaseModel):
    """How much is measured, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracks: int = Field(default=16, ge=2, le=512)
    """Recordings; their crops are held in memory, 2.6 MB each with the default encoder."""
    rounds: int = Field(default=5, ge=1, le=100)
    """Rounds; figures are medians over them."""
    threads: int = Field(default=0, ge=0, le=256)
    """Workers; 0 means one a core."""
    seed: int = Field(default=7, ge=0)
    """What rendered clips sound like."""


class EmbedBenchReport(Report):
    """Seconds of audio a second of wall time.

    A stage is measured bare: one worker, one core, nothing beside it. The pipeline runs on all
    cores, as it does in use. One that overlaps its stages perfectly is as fast as the slowest of
    them, which is what `ratio` holds it to; one core alone must do all stages in turn, so that no
    pipeline passes `ideal` on it.
    """

    decode: float
    """From files to crops of mono samples, a core."""
    mel: float
    """From samples to log mel power, a core."""
    encoder: float
    """From log mel power to vectors in ONNX Runtime, a core."""
    torch_forward: float
    """The same network on the same batches in torch, a core."""
    pipeline: float
    """From files to vectors, a core: `pipeline_wall` / `cores`."""
    pipeline_wall: float
    """From files to vectors, on all cores together."""
    ideal: float
    """What a core could do if the pipeline were nothing but its stages."""
    slowest_stage: str
    """The slowest of decode, mel and encoder."""
    ratio: float
    """`pipeline_wall` / the slowest bare stage; the median over rounds."""
    ratio_low: float
    """Its lowest over rounds."""
    ratio_high: float
    """Its highest over rounds."""
    ratio_of_ideal: float
    """`pipeline` / `ideal`, the median over rounds: 1 where overlapping costs nothing."""
    cores: int
    """Workers of the pipeline, one a core unless set."""
    recordings: int
    """Recordings in a round."""
    audio_s: float
    """Seconds of crops in a round: what is heard, not how long the recordings are."""
    batch_crops: int
    """Crops that the network sees at once: those of one recording."""
    trained: bool
    """Whether the data folder's newest encoder was measured; else its size, untrained."""
    unreadable: tuple[tuple[str, str], ...]
    """Files that were passed over, with the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class _Material:
    """What is measured: files, and what each stage makes of them."""

    paths: list[Path]
    waves: list[Samples]
    mels: list[NDArray[np.float32]]
    unreadable: list[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class _Networks:
    """One network in ONNX Runtime and in torch."""

    onnx: OnnxEncoder
    torch: AudioEncoder
    trained: bool


def bench_embed(
    workspace: Workspace,
    encoder: EncoderConfig,
    config: EmbedBenchConfig,
    progress: Progress,
    *,
    folder: Path | None = None,
) -> EmbedBenchReport:
    """Measure how fast recordings become vectors.

    Stages take turns in each round, and ratios are taken within a round: whatever else the machine
    does then slows both of their sides.

    Args:
        workspace: Its newest encoder is measured, where there is one.
        encoder: The size that is measured otherwise.
        config: How much and how often.
        progress: Told of rendering and measuring.
        folder: Recordings to read; None renders some.

    Raises:
        DataError: If fewer than two recordings can be read.
    """
    with TemporaryDirectory(prefix="segue-bench-") as scratch:
        networks = _networks(workspace, encoder, Path(scratch))
        cut = networks.onnx.cut
        paths = _recordings(folder, cut, config, Path(scratch), progress)
        material = _material(paths, cut)
        if len(material.paths) < 2:
            raise DataError(
                f"{len(material.paths)} of {len(paths)} recordings in {folder} can be read and 2 "
                "are needed; name another folder with --from, or none to render some"
            )
        return _measured(networks, material, config, progress)


def _measured(
    networks: _Networks, material: _Material, config: EmbedBenchConfig, progress: Progress
) -> EmbedBenchReport:
    import torch

    cores = config.threads or os.cpu_count() or 1
    torch_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        stages = _stages(networks, material, cores)
        seconds = time_rounds(stages, config.rounds, progress.counter("measuring"))
    finally:
        torch.set_num_threads(torch_threads)
    return _report(seconds, networks, material, cores)


def _stages(networks: _Networks, material: _Material, cores: int) -> dict[str, Work]:
    cut = networks.onnx.cut
    ids = [str(number) for number in range(len(material.paths))]
    return {
        "decode": lambda: [_crops(path, cut) for path in material.paths],
        "mel": lambda: [_mels(waves) for waves in material.waves],
        "encoder": lambda: [networks.onnx.embed(mels) for mels in material.mels],
        "torch_forward": lambda: [networks.torch.embed(mels) for mels in material.mels],
        "pipeline": lambda: embed_files(material.paths, ids, networks.onnx, threads=cores),
    }


def speeds(seconds: Mapping[str, Seconds], audio_s: float, cores: int) -> dict[str, float | str]:
    """Turn the times of rounds into the figures of a report.

    Args:
        seconds: Name of a stage, or "pipeline" → (rounds,) wall seconds.
        audio_s: Seconds of audio in a round.
        cores: What the pipeline ran on.
    """
    rates = {name: float(audio_s / np.median(values)) for name, values in seconds.items()}
    slowest = min(BARE, key=lambda name: rates[name])
    ratios = seconds[slowest] / seconds["pipeline"]
    in_turn = np.sum([seconds[name] for name in BARE], axis=0)
    return {
        **{name: rates[name] for name in (*BARE, "torch_forward")},
        "pipeline": rates["pipeline"] / cores,
        "pipeline_wall": rates["pipeline"],
        "ideal": 1.0 / sum(1.0 / rates[name] for name in BARE),
        "slowest_stage": slowest,
        "ratio": float(np.median(ratios)),
        "ratio_low": float(ratios.min()),
        "ratio_high": float(ratios.max()),
        "ratio_of_ideal": float(np.median(in_turn / (seconds["pipeline"] * cores))),
    }


def _report(
    seconds: Mapping[str, Seconds], networks: _Networks, material: _Material, cores: int
) -> EmbedBenchReport:
    cut = networks.onnx.cut
    audio_s = len(material.paths) * cut.count * cut.seconds
    return EmbedBenchReport.model_validate(
        {
            **speeds(seconds, audio_s, cores),
            "cores": cores,
            "recordings": len(material.paths),
            "audio_s": audio_s,
            "batch_crops": cut.count,
            "trained": networks.trained,
            "unreadable": tuple(material.unreadable),
        }
    )


def _networks(workspace: Workspace, config: EncoderConfig, scratch: Path) -> _Networks:
    from embeddings.encoder.export import export_onnx
    from embeddings.encoder.network import AudioEncoder, EncoderNetwork

    newest = workspace.artifacts.latest("encoder")
    if newest is not None:
        folder = workspace.artifacts.folder("encoder", newest.version)
        if (folder / NETWORK_FILE).is_file():
            return _Networks(OnnxEncoder.load(folder), AudioEncoder.load(folder), trained=True)
    untrained = AudioEncoder(config, EncoderNetwork(config).eval())
    folder = scratch / "encoder"
    untrained.save(folder)
    if not (folder / NETWORK_FILE).is_file():
        export_onnx(untrained.network, config, folder / NETWORK_FILE)
    return _Networks(OnnxEncoder.load(folder), untrained, trained=False)


def _recordings(
    folder: Path | None, cut: Cut, config: EmbedBenchConfig, scratch: Path, progress: Progress
) -> list[Path]:
    if folder is not None:
        return find_recordings(folder)[: config.tracks]
    length_s = cut.count * cut.seconds * _SPARE
    styles = tuple(STYLES)
    paths = []
    for place in progress.track(range(config.tracks), "rendering clips", config.tracks):
        drawn = generator(config.seed, "bench", place)
        attributes = sample_attributes(styles[place % len(styles)], drawn, length_s)
        paths.append(record_track(attributes, scratch / f"{place:03d}.ogg", SAMPLE_RATE_HZ))
    return paths


def _material(paths: Sequence[Path], cut: Cut) -> _Material:
    material = _Material([], [], [], [])
    for path in paths:
        try:
            waves = _crops(path, cut)
        except AudioDecodeError as error:
            material.unreadable.append((path.name, error.reason))
            continue
        material.paths.append(path)
        material.waves.append(waves)
        material.mels.append(_mels(waves))
    return material


def _crops(path: Path, cut: Cut) -> Samples:
    return read_crops(path, cut.count, cut.seconds, cut.sample_rate_hz)


def _mels(waves: Samples) -> NDArray[np.float32]:
    return np.stack([log_mel(wave) for wave in waves])
