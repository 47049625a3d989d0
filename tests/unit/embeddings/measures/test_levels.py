"""Loudness, peaks, clipping and silence of sounds whose values follow from their definition."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.measures.clipping import clipped_share
from embeddings.measures.loudness import integrated_lufs, true_peak_db
from embeddings.measures.silence import find_silence

RATE_HZ = 48_000


def sine(seconds: float, level_db: float, hz: float = 1000.0, channels: int = 2) -> np.ndarray:
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * at)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


@pytest.mark.parametrize("level_db", [-23.0, -33.0])
def test_a_stereo_sine_is_as_loud_as_its_peak(level_db):
    # EBU Tech 3341, cases 1 and 2: a stereo sine of 1 kHz, 20 s, peaks at its LUFS; ±0.1 LU
    assert integrated_lufs(sine(20, level_db), RATE_HZ) == pytest.approx(level_db, abs=0.1)


def test_quiet_parts_are_gated_out():
    # EBU Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36 dBFS measure -23
    whole = np.concatenate([sine(10, -36), sine(60, -23), sine(10, -36)])
    assert integrated_lufs(whole, RATE_HZ) == pytest.approx(-23.0, abs=0.1)


def test_one_channel_is_three_lu_quieter_than_two():
    assert integrated_lufs(sine(5, -20, channels=1), RATE_HZ) == pytest.approx(-23.0, abs=0.1)


def test_a_loop_shorter_than_a_gating_block_is_as_loud_as_when_it_plays_on():
    assert integrated_lufs(sine(0.1, -20), RATE_HZ) == pytest.approx(-20.0, abs=0.2)


def test_nothing_is_minus_infinitely_loud():
    assert integrated_lufs(np.zeros((RATE_HZ, 2), dtype=np.float32), RATE_HZ) == -np.inf
    assert true_peak_db(np.zeros((RATE_HZ, 2), dtype=np.float32)) == -np.inf


def test_a_peak_between_samples_is_found():
    at = np.arange(RATE_HZ)
    wave = 0.5 * np.sin(2 * np.pi * at / 4 + np.pi / 4)  # every sample misses the peak by 3 dB
    assert 20 * np.log10(np.abs(wave).max()) == pytest.approx(-9.03, abs=0.01)
    assert true_peak_db(wave.astype(np.float32)) == pytest.approx(-6.02, abs=0.3)


def test_a_cut_wave_is_clipped_and_a_peak_at_full_scale_is_not():
    whole = sine(2, 0.0)
    assert clipped_share(whole[:, :1]) < 0.05  # a slow sine stays near its peak for some samples
    cut = np.clip(2 * sine(2, 0.0, hz=997.0), -1, 1)
    # |sin| ≥ 1/2 for two thirds of the time
    assert clipped_share(cut) == pytest.approx(2 / 3, abs=0.02)
    lone = sine(1, -6.0)
    lone[::1000] = 1.0
    assert clipped_share(lone) == 0.0


def test_the_worse_channel_counts():
    both = sine(1, -6.0)
    both[:, 1] = 1.0
    assert clipped_share(both) == 1.0


def test_silence_is_found_where_it_is():
    gap = np.zeros((RATE_HZ, 2), dtype=np.float32)
    whole = np.concatenate([gap, sine(2, -10), gap, gap, sine(2, -10), gap[: RATE_HZ // 2]])
    found = find_silence(whole, RATE_HZ)
    assert found.leading_s == pytest.approx(1.0, abs=0.06)
    assert found.longest_s == pytest.approx(2.0, abs=0.06)
    assert found.trailing_s == pytest.approx(0.5, abs=0.06)
    assert found.share == pytest.approx(3.5 / 7.5, abs=0.02)


def test_a_quiet_recording_is_not_silence():
    assert find_silence(sine(2, -65.0), RATE_HZ).share == 0.0


def test_what_holds_nothing_is_silent_throughout():
    found = find_silence(np.zeros((RATE_HZ, 2), dtype=np.float32), RATE_HZ)
    assert (found.leading_s, found.share) == (1.0, 1.0)
