"""A training that is killed goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.crops import TrackCrops
from embeddings.audio.spectrogram import N_MELS
from embeddings.encoder.training import train_encoder

CONFIG = EncoderConfig(
    dim=12,
    learned_dim=4,
    n_crops=2,
    crop_s=1.5,
    atoms=8,
    window_frames=32,
    channels=8,
    epochs=4,
    epoch_steps=3,
    patience=4,
    held_out_share=0.2,
)


def crops(seed: int = 0) -> TrackCrops:
    rng = np.random.default_rng(seed)
    shape = (CONFIG.crop_frames, N_MELS)
    own = rng.normal(size=(20, 1, 1, N_MELS))
    values = (own + rng.normal(size=(20, 2, *shape))).astype(np.float16)
    ids = tuple(f"t{row}" for row in range(20))
    return TrackCrops(ids, values, (), np.array([3, 7]), np.array([0, 1]), values[[3, 7], 0])


def trained_and_killed(checkpoint: Path, after_step: int) -> int:
    """Train in another process that kills itself in the middle; return its exit code."""
    program = f"""
import os, signal
from pathlib import Path
from tests.integration.audio.test_resumed_training import CONFIG, crops
from embeddings.encoder.training import train_encoder
def told(done, total):
    if done == {after_step}:
        os.kill(os.getpid(), signal.SIGKILL)
train_encoder(crops(), CONFIG, 5, told, checkpoint=Path({str(checkpoint)!r}))
"""
    root = Path(__file__).parents[3]
    return subprocess.run(
        [sys.executable, "-c", program], cwd=root, check=False, env={**os.environ}
    ).returncode


def weights(**options: object) -> dict[str, torch.Tensor]:
    encoder = train_encoder(crops(), CONFIG, 5, **options)  # type: ignore[arg-type]
    return encoder.network.state_dict() | {
        "log": torch.tensor([epoch.losses["contrastive"] for epoch in encoder.log.epochs])
    }


@pytest.mark.parametrize("after_step", [2, 5, 12])
def test_a_killed_training_ends_as_an_uninterrupted_one(tmp_path: Path, after_step: int) -> None:
    checkpoint = tmp_path / "training.pt"
    assert trained_and_killed(checkpoint, after_step) == -signal.SIGKILL
    assert checkpoint.exists() == (after_step > CONFIG.epoch_steps)
    steps: list[int] = []
    resumed = weights(checkpoint=checkpoint, progress=lambda done, _: steps.append(done))
    finished_epochs = (after_step - 1) // CONFIG.epoch_steps
    assert steps[0] == finished_epochs * CONFIG.epoch_steps + 1, "done epochs are not done again"
    for name, value in weights().items():
        assert torch.equal(value, resumed[name]), name


def test_the_state_of_another_training_or_a_broken_file_is_not_taken_up(tmp_path: Path) -> None:
    checkpoint = tmp_path / "training.pt"
    train_encoder(crops(seed=1), CONFIG, 5, checkpoint=checkpoint)
    untouched = weights()
    for name, value in weights(checkpoint=checkpoint).items():
        assert torch.equal(value, untouched[name]), name
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    for name, value in weights(checkpoint=checkpoint).items():
        assert torch.equal(value, untouched[name]), name
