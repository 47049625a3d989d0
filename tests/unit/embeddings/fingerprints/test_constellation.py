"""Peaks stand where sounds are, whatever their gain and colour."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.fingerprints.constellation import (
    FRAMES_PER_S,
    LOWEST_HZ,
    MAX_PEAKS,
    N_FFT,
    PEAKS_PER_S,
    constellation,
    spectra,
)
from tests.support.tunes import tune


def pips(times_s: list[float], pitches_hz: list[float], seconds: float = 4.0) -> np.ndarray:
    """Return silence with a 30 ms tone at each of the times."""
    samples = np.zeros(round(seconds * SAMPLE_RATE_HZ), dtype=np.float32)
    for at, pitch in zip(times_s, pitches_hz, strict=True):
        start = round(at * SAMPLE_RATE_HZ)
        t = np.arange(round(0.03 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        tone = np.sin(2 * np.pi * pitch * t) * np.hanning(len(t))
        samples[start : start + len(t)] += tone.astype(np.float32)
    return samples


def test_spectra_are_the_transform_of_each_frame() -> None:
    rng = np.random.default_rng(1)
    samples = rng.standard_normal(3 * N_FFT).astype(np.float32)
    power = spectra(samples)
    assert power.shape == (1 + (3 * N_FFT - N_FFT) // 512, N_FFT // 2 + 1)
    frame = samples[512 * 5 : 512 * 5 + N_FFT].astype(np.float64)
    exact = np.abs(np.fft.rfft(frame * signal.windows.hann(N_FFT, sym=False))) ** 2
    # float32 transforms of 4,096 samples are good to about 1e-6 of the largest value
    assert np.allclose(power[5], exact, atol=1e-5 * exact.max())


@pytest.mark.parametrize("n", [0, 1, N_FFT - 1])
def test_what_is_shorter_than_a_frame_is_one_frame(n: int) -> None:
    assert spectra(np.zeros(n, dtype=np.float32)).shape[0] == 1


def test_a_pip_is_a_peak_at_its_time_and_pitch() -> None:
    times, pitches = [0.8, 1.9, 3.1], [500.0, 1234.0, 2500.0]
    peaks = constellation(spectra(pips(times, pitches)))
    for at, pitch in zip(times, pitches, strict=True):
        frame = (at + 0.015 - N_FFT / 2 / SAMPLE_RATE_HZ) * FRAMES_PER_S
        near = np.abs(peaks.frames - frame) <= 1.5  # half a frame of rounding, one of the plateau
        apart = np.abs(peaks.pitches[near] - np.log2(pitch / LOWEST_HZ))
        assert apart.min() < 0.01  # octaves; a cell is 0.042


@pytest.mark.parametrize("gain", [0.25, 0.5, 2.0, 16.0])
def test_gain_changes_nothing(gain: float) -> None:
    samples = tune(1, 6.0)
    own, other = (constellation(spectra(samples * np.float32(g))) for g in (1.0, gain))
    # powers of two scale floating-point numbers without rounding
    assert np.array_equal(own.frames, other.frames)
    assert np.allclose(own.pitches, other.pitches, atol=1e-9)


def test_a_tilt_moves_few_peaks() -> None:
    samples = tune(1, 6.0)
    tilted = signal.lfilter([1.0, -0.7], [1.0], samples).astype(np.float32)  # 15 dB over the range
    own, other = (constellation(spectra(each)) for each in (samples, tilted))
    pairs = set(zip(own.frames, np.round(own.pitches * 48), strict=True))
    kept = pairs & set(zip(other.frames, np.round(other.pitches * 48), strict=True))
    assert len(kept) / len(pairs) > 0.7  # measured: 0.9 and more of real recordings


def test_peaks_are_in_order_of_time_and_limited_in_number() -> None:
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(60 * SAMPLE_RATE_HZ).astype(np.float32)
    peaks = constellation(spectra(noise))
    assert len(peaks) == MAX_PEAKS
    assert (np.diff(peaks.frames) >= 0).all()
    short = constellation(spectra(noise[: 10 * SAMPLE_RATE_HZ]))
    assert 0.9 * 10 * PEAKS_PER_S <= len(short) <= 10 * PEAKS_PER_S


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_what_does_not_move_has_no_peaks(level: float) -> None:
    assert len(constellation(spectra(np.full(SAMPLE_RATE_HZ, level, dtype=np.float32)))) == 0
