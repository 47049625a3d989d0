"""Sound through a real codec stays the same sound, and loses more the harder it is squeezed."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.audio.reencoding import CODECS, reencoded
from embeddings.audio.spectrogram import log_mel
from embeddings.audio.waveform import SAMPLE_RATE_HZ


def music() -> np.ndarray:
    rng = np.random.default_rng(0)
    at = np.arange(3 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tones = sum(np.sin(2 * np.pi * hz * at) / hz for hz in (110, 220, 331, 440, 880))
    return (20 * tones * (1 + np.sin(4 * at)) / 2 + 0.02 * rng.normal(size=len(at))).astype("f4")


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_changes_sound_a_little(codec):
    samples = music() / np.abs(music()).max()
    heard = reencoded(samples, codec)
    assert heard.shape == samples.shape
    assert heard.dtype == np.float32
    loud = log_mel(samples) > -5
    difference = np.abs(log_mel(heard) - log_mel(samples))[loud]
    assert 0.001 < np.median(difference) < 0.3  # 3 dB; an mp3 comes back 50 ms later
