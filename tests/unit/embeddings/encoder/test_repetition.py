"""Repetition: what comes back after a lag is found at that lag, and only what moves counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embeddings.audio.spectrogram import N_MELS
from embeddings.encoder.repetition import LAGS, N_REPETITION, REGISTERS, repetition


def looped(period: int, frames: int = 212) -> torch.Tensor:
    loop = np.random.default_rng(period).normal(size=(period, N_MELS)).astype(np.float32)
    return torch.from_numpy(np.resize(loop, (frames, N_MELS)))[None]


@pytest.mark.parametrize("period", [8, 22, 43])
def test_a_loop_resembles_itself_after_its_period(period):
    means = repetition(looped(period))[0, : len(LAGS)]
    # All but 1: the floor shortens every frame by 0.1 of a length near 3.
    assert means[LAGS.index(period)] > 0.9
    assert all(abs(means[place]) < 0.5 for place, lag in enumerate(LAGS) if lag % period)


def test_cosines_are_those_of_numpy():
    mels = np.random.default_rng(0).normal(size=(2, 60, N_MELS))
    found = repetition(torch.from_numpy(mels)).numpy()
    bands = mels.reshape(2, 60, 32, 4).mean(3)
    moving = bands - bands.mean(1, keepdims=True)
    unit = moving / (np.linalg.norm(moving, axis=2, keepdims=True) + 0.1)
    later = (unit[:, 6:] * unit[:, :-6]).sum(2)
    place = LAGS.index(6)
    np.testing.assert_allclose(found[:, place], later.mean(1))
    np.testing.assert_allclose(found[:, place - len(LAGS)], later.std(1))


def test_a_loop_in_one_register_shows_there():
    mels = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 212, N_MELS))).float()
    low = slice(4 * REGISTERS[0], 4 * REGISTERS[1])
    mels[:, :, low] = looped(16)[:, :, low]
    found = repetition(mels)[0].reshape(-1, len(LAGS))
    registers = found[1 : len(REGISTERS), LAGS.index(16)]
    assert registers[0] > 0.85
    assert registers[1:].abs().max() < 0.2


def test_timbre_that_stands_still_is_no_repetition():
    still = torch.randn(1, 1, N_MELS, generator=torch.Generator().manual_seed(0))
    assert repetition(still.expand(1, 212, N_MELS)).abs().max() < 1e-5


@pytest.mark.parametrize("frames", [2, 40, 212])
def test_short_crops_are_described_too(frames):
    found = repetition(torch.ones(2, frames, N_MELS))
    assert found.shape == (2, N_REPETITION)
    assert torch.isfinite(found).all()
