"""The exported encoder: torch's numbers without torch, and faults told by file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from core.errors import ArtifactError
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.runtime import OnnxEncoder
from embeddings.audio.spectrogram import N_MELS, log_mel
from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.encoder.export import export_onnx

CONFIG = EncoderConfig()


class Convolution(nn.Module):
    """A small network with every kind of layer an encoder has."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(N_MELS, 32, 5, stride=2), nn.BatchNorm1d(32), nn.ReLU(), nn.Conv1d(32, 32, 3)
        )
        self.head = nn.Linear(64, CONFIG.dim)

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        hidden = self.layers((mels + 5).transpose(1, 2))
        pooled = torch.cat([hidden.mean(2), hidden.std(2)], dim=1)
        return functional.normalize(self.head(pooled), dim=1)


def random_network() -> nn.Module:
    """Return a network whose every weight and statistic is drawn, as if it were trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Convolution()
        for name, value in network.state_dict().items():
            if "running_mean" in name:
                value.normal_()
            elif "running_var" in name:
                value.uniform_(0.5, 2.0)
    return network.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder")
    (path / "encoder.json").write_text(CONFIG.model_dump_json(), encoding="utf-8")
    export_onnx(random_network(), CONFIG, path / "encoder.onnx")
    return path


def music(crops: int) -> np.ndarray:
    """Return log mels of chords with a beat: tones, silence between them, and noise."""
    rng = np.random.default_rng(3)
    at = np.arange(round(CONFIG.crop_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    waves = []
    for _ in range(crops):
        tones = sum(np.sin(2 * np.pi * hz * at) for hz in rng.uniform(60, 4_000, 4)) / 8
        beat = (np.sin(2 * np.pi * rng.uniform(1, 3) * at) > 0).astype(float)
        waves.append((tones * beat + rng.normal(0, 1e-3, at.size)).astype(np.float32))
    return np.stack([log_mel(wave) for wave in waves])


@pytest.mark.parametrize("batch", [1, 3, 64, 65])
def test_vectors_are_those_of_torch(folder, batch):
    frames = (batch, CONFIG.crop_frames, N_MELS)
    drawn = np.random.default_rng(batch).normal(-5, 2, frames).astype(np.float32)
    encoder = OnnxEncoder.load(folder)
    for mels in (drawn, np.resize(music(3), frames)):
        with torch.inference_mode():
            expected = random_network()(torch.from_numpy(mels)).numpy()
        found = encoder.embed(mels)
        np.testing.assert_allclose(found, expected, atol=1e-4)  # what the two may differ by
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)  # float32


def test_the_file_stands_alone_and_export_leaves_the_network_as_it_was(tmp_path):
    network = random_network().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export_onnx(network, CONFIG, tmp_path / "encoder.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["encoder.onnx"]
    assert network.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_waves_and_half_precision_mels_give_the_same_vectors(folder):
    encoder = OnnxEncoder.load(folder)
    at = np.arange(encoder.cut.samples) / SAMPLE_RATE_HZ
    waves = np.stack([np.sin(2 * np.pi * hz * at) for hz in (110, 440)]).astype(np.float32)
    mels = np.stack([log_mel(wave) for wave in waves])
    np.testing.assert_array_equal(encoder.embed_waves(waves), encoder.embed(mels))
    np.testing.assert_array_equal(
        encoder.embed(mels.astype(np.float16)),
        encoder.embed(mels.astype(np.float16).astype(np.float32)),
    )
    assert encoder.embed(mels[:0]).shape == (0, encoder.dim)


def test_running_it_loads_no_torch(folder):
    code = (
        "import sys, pathlib, numpy as np; import embeddings.audio.inference, "
        "embeddings.audio.backbone; from embeddings.audio.runtime import OnnxEncoder; "
        "encoder = OnnxEncoder.load(pathlib.Path(sys.argv[1])); "
        "encoder.embed_waves(np.ones((2, encoder.cut.samples), np.float32)); "
        "print(sorted({'torch', 'onnx', 'implicit', 'librosa'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def without(folder: Path, target: Path, name: str, data: bytes | None) -> Path:
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    (target / name).unlink()
    if data is not None:
        (target / name).write_bytes(data)
    return target


@pytest.mark.parametrize("name", ["encoder.json", "encoder.onnx"])
@pytest.mark.parametrize("data", [None, b"", b"{}x", b"\xff\xfe"])
def test_a_missing_or_broken_file_is_named(folder, tmp_path, name, data):
    with pytest.raises(ArtifactError, match=name):
        OnnxEncoder.load(without(folder, tmp_path, name, data))


def test_a_network_of_another_size_is_refused(folder, tmp_path):
    other = EncoderConfig(dim=CONFIG.dim + 4).model_dump_json().encode()
    with pytest.raises(ArtifactError, match=r"encoder\.onnx takes and gives .*train the encoder"):
        OnnxEncoder.load(without(folder, tmp_path, "encoder.json", other))
