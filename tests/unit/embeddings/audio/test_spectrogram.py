"""Log-mel spectrograms against sines and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from embeddings.audio.spectrogram import (
    FLOOR,
    HOP,
    N_FFT,
    N_MELS,
    frame_count,
    hann_window,
    log_mel,
    mel_bank,
    mel_edges_hz,
    power_frames,
)
from embeddings.audio.waveform import SAMPLE_RATE_HZ


def sine(hz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ)


@pytest.mark.parametrize("band", [10, 25, 40, 55, 63])
def test_a_sine_at_the_middle_of_a_band_peaks_there(band):
    mels = log_mel(sine(mel_edges_hz()[band + 1]).astype(np.float32))
    assert np.all(mels.argmax(axis=1) == band)


def test_power_is_that_of_scipy():
    noise = np.random.default_rng(0).normal(size=SAMPLE_RATE_HZ).astype(np.float32)
    _, _, theirs = signal.spectrogram(
        noise, SAMPLE_RATE_HZ, window=hann_window(), nperseg=N_FFT, noverlap=N_FFT - HOP,
        detrend=False, scaling="spectrum", mode="psd",
    )  # fmt: skip
    # scipy's spectrum folds both sides into one: half the squared amplitude, but at 0 and Nyquist.
    ours = power_frames(noise)[:, 1:-1] / 2
    np.testing.assert_allclose(ours, theirs.T[:, 1:-1], rtol=1e-3, atol=1e-9)  # float32 transform


def test_energy_is_kept():
    noise = np.random.default_rng(0).normal(size=N_FFT).astype(np.float32)
    power = power_frames(noise)[0].astype(np.float64) * (hann_window().sum() / 2) ** 2
    both_sides = 2 * power.sum() - power[0] - power[-1]
    energy = N_FFT * np.sum((noise * hann_window()).astype(np.float64) ** 2)
    assert both_sides == pytest.approx(energy, rel=1e-5)  # Parseval, in float32


def test_a_full_scale_sine_has_power_one():
    on_a_bin = 100 * SAMPLE_RATE_HZ / N_FFT
    power = power_frames(sine(on_a_bin).astype(np.float32))
    np.testing.assert_allclose(power[:, 100], 1.0, rtol=1e-3)  # 1 % would be 0.04 dB


def test_filters_are_weighted_means_without_gaps():
    bank = mel_bank()
    assert bank.shape == (N_MELS, N_FFT // 2 + 1)
    np.testing.assert_allclose(bank.sum(axis=1), 1.0, atol=1e-5)
    bins = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE_HZ / N_FFT
    inside = (bins > mel_edges_hz()[0] + 11) & (bins < mel_edges_hz()[-1] - 11)
    assert np.all(bank[:, inside].sum(axis=0) > 0)


def test_blocks_join_without_a_seam_and_silence_is_the_floor():
    long = np.random.default_rng(1).normal(size=HOP * 2100).astype(np.float32)
    whole = log_mel(long)
    assert whole.shape == (frame_count(len(long)), N_MELS)
    for frame in (1022, 1023, 1024, 2047, 2048):
        alone = log_mel(long[frame * HOP : frame * HOP + N_FFT])
        np.testing.assert_allclose(whole[frame], alone[0], atol=1e-5)  # float32 sums
    silence = log_mel(np.zeros(N_FFT, np.float32))
    np.testing.assert_allclose(silence, np.log10(FLOOR), rtol=1e-6)


def test_frame_count():
    assert [frame_count(n) for n in (0, N_FFT - 1, N_FFT, N_FFT + HOP)] == [0, 0, 1, 2]
    assert log_mel(np.zeros(10, np.float32)).shape == (0, N_MELS)
