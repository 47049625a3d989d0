"""Foreign front ends are those of librosa."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pydantic import ValidationError

from embeddings.audio.frontend import FrontEnd, MelConfig


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)


@pytest.mark.parametrize(
    ("scale", "norm", "centred"),
    [*itertools.product(("slaney", "htk"), ("slaney", "none"), (0, 1))],
)
def test_power_is_that_of_librosa(scale, norm, centred):
    librosa = pytest.importorskip("librosa", reason="librosa comes with the evaluation extra")
    config = MelConfig(scale=scale, norm=norm, centred=bool(centred))
    ours = FrontEnd(config, 48_000).log_mel(noise(48_000))
    theirs = librosa.feature.melspectrogram(
        y=noise(48_000), sr=48_000, n_fft=1024, hop_length=480, n_mels=64, fmin=50, fmax=14_000,
        htk=scale == "htk", norm=None if norm == "none" else norm, center=bool(centred),
        pad_mode="reflect",
    )  # fmt: skip
    expected = librosa.power_to_db(theirs, top_db=None).T
    np.testing.assert_allclose(ours, expected, atol=1e-3)  # float32 sums, in dB
    assert ours.shape == (config.frames(48_000), 64)


def test_logarithms_differ_by_their_base_and_are_scaled_after():
    config = MelConfig(n_mels=16, n_fft=256, hop=80, max_hz=4_000)
    tenths, natural, scaled = (
        FrontEnd(config.model_copy(update=change), 8_000).log_mel(noise(4_000))
        for change in ({"log": "log10"}, {"log": "ln"}, {"mean": -4.0, "deviation": 2.0})
    )
    np.testing.assert_allclose(natural, tenths * np.log(10), rtol=1e-5)
    np.testing.assert_allclose(scaled, (tenths * 10 + 4.0) / 2.0, rtol=1e-4)


def test_silence_is_the_floor():
    config = MelConfig(n_mels=16, n_fft=256, hop=80, max_hz=4_000, floor=1e-6)
    assert np.all(FrontEnd(config, 8_000).log_mel(np.zeros(4_000, np.float32)) == -60.0)


@pytest.mark.parametrize("centred", [True, False])
def test_frames_and_samples_are_inverse(centred):
    config = MelConfig(centred=centred)
    for frames in (1, 2, 1001):
        assert config.frames(config.samples(frames)) == frames
        assert config.frames(config.samples(frames) - 1) == frames - 1


def test_bands_must_be_ordered():
    with pytest.raises(ValidationError, match="min_hz 50"):
        MelConfig(max_hz=40)
