"""Mastering: loudness reached, peaks kept, and what is given up where both cannot be had."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.measures.loudness import integrated_lufs, true_peak_db
from embeddings.measures.sound import Sound
from pipelines.supply.gate.mastering import Mastered, limited_peaks, mastered

RATE_HZ = 22_050


def noise(seconds: float = 4.0, spikes_db: float = 0.0) -> np.ndarray:
    """Return stereo noise whose loudest clicks stand above it."""
    rng = np.random.default_rng(1)
    sound = 0.05 * rng.normal(size=(round(seconds * RATE_HZ), 2))
    sound[:: RATE_HZ // 2] *= 10 ** (spikes_db / 20)
    return np.clip(sound, -1, 1).astype(np.float32)


def master(samples: np.ndarray, target: float, room_db: float = 6.0) -> Mastered:
    sound = Sound(samples, RATE_HZ, len(samples) / RATE_HZ)
    lufs, peak_db = integrated_lufs(samples, RATE_HZ), true_peak_db(samples)
    return mastered(
        sound, lufs, peak_db, target_lufs=target, ceiling_dbtp=-1.0, max_limiting_db=room_db
    )


@pytest.mark.parametrize("target", [-14.0, -23.0, -30.0])
def test_the_target_is_reached_below_the_ceiling(target):
    made = master(noise(spikes_db=6.0), target)
    assert integrated_lufs(made.samples, RATE_HZ) == pytest.approx(target, abs=0.05)
    assert made.lufs == pytest.approx(target, abs=0.05)
    assert true_peak_db(made.samples) <= -0.9
    assert made.limited_db <= 6.0


def test_a_recording_with_too_high_peaks_is_left_quieter():
    made = master(noise(spikes_db=20.0), -10.0, room_db=2.0)
    assert made.limited_db == pytest.approx(2.0, abs=1e-6)
    assert made.lufs < -10.1
    assert made.lufs == pytest.approx(integrated_lufs(made.samples, RATE_HZ), abs=0.01)
    assert true_peak_db(made.samples) <= -0.9


def test_what_lies_below_the_ceiling_is_only_turned_up():
    samples = noise()
    made = master(samples, -26.0)
    assert made.limited_db == 0.0
    np.testing.assert_allclose(made.samples, samples * 10 ** (made.gain_db / 20), rtol=1e-5)


def test_the_limiter_keeps_both_channels_in_proportion_and_quiet_parts_untouched():
    samples = noise()
    samples[40_000] = (0.9, 0.45)
    limited = limited_peaks(samples, RATE_HZ, -12.0)
    gains = limited / np.where(samples == 0, 1, samples)
    np.testing.assert_allclose(gains[:, 0], gains[:, 1], rtol=1e-3)
    np.testing.assert_array_equal(limited[:30_000], samples[:30_000])
    assert np.abs(limited).max() <= 10 ** (-12 / 20) + 1e-6


def test_below_the_ceiling_nothing_is_copied():
    samples = noise()
    assert limited_peaks(samples, RATE_HZ, 0.0) is samples
