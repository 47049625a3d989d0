"""Fixed descriptions: shapes, and a pulse of known speed found where it beats."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from embeddings.audio.spectrogram import HOP_S, N_MELS
from embeddings.encoder.statistics import (
    MODULATION_BANDS,
    MODULATION_MAX_HZ,
    MODULATION_MIN_HZ,
    N_STATISTICS,
    POOLED_BANDS,
    describe,
    modulation,
)


@pytest.mark.parametrize("frames", [32, 212, 500])
def test_every_crop_length_gives_finite_statistics(frames):
    mels = torch.from_numpy(np.random.default_rng(0).normal(size=(3, frames, N_MELS))).float()
    found = describe(mels)
    assert found.shape == (3, N_STATISTICS)
    assert torch.isfinite(found).all()
    assert torch.isfinite(describe(torch.zeros(1, frames, N_MELS))).all()


@pytest.mark.parametrize("hz", [0.8, 2.0, 5.0, 12.0])
def test_a_pulse_peaks_at_its_speed(hz):
    at = torch.arange(212) * HOP_S
    wave = torch.sin(2 * math.pi * hz * at)[None, :, None].expand(1, -1, POOLED_BANDS)
    found = modulation(wave).reshape(MODULATION_BANDS, POOLED_BANDS)
    width = math.log(MODULATION_MAX_HZ / MODULATION_MIN_HZ) / MODULATION_BANDS
    expected = int(math.log(hz / MODULATION_MIN_HZ) / width)
    assert torch.all(found.argmax(0) == expected)


def test_level_statistics_are_those_of_numpy():
    mels = np.random.default_rng(0).normal(size=(2, 101, N_MELS)).astype(np.float32)
    found = describe(torch.from_numpy(mels)).numpy()
    np.testing.assert_allclose(found[:, :N_MELS], mels.mean(1), atol=1e-6)
    np.testing.assert_allclose(found[:, N_MELS : 2 * N_MELS], mels.std(1, ddof=1), atol=1e-5)
    median = found[:, 4 * N_MELS : 5 * N_MELS]
    np.testing.assert_allclose(median, np.median(mels, axis=1), atol=1e-6)
