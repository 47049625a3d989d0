"""Transformations do what they say, measured on what they write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy import signal

from pipelines.audio_evaluation.transformations import (
    SNR_DB,
    TRANSFORMATIONS,
    Coding,
    Sound,
    equalised,
    louder_or_softer,
    noisy,
    read_sound,
    resampled,
    sped,
    trimmed,
    write_sound,
)

RATE_HZ = 44_100


def music(seconds: float = 12.0, rate_hz: int = RATE_HZ, channels: int = 2) -> Sound:
    """Return stereo tones over noise: enough for a codec to spend its bits on."""
    rng = np.random.default_rng(1)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    tones = sum(np.sin(2 * np.pi * pitch * t) for pitch in (220, 277, 330, 880, 1760))
    wave = 0.05 * tones[:, None] + 0.05 * rng.standard_normal((len(t), channels))
    return Sound(wave.astype(np.float32), rate_hz)


def seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("name", "kbps"), [("ogg_64", 64), ("mp3_96", 96)])
def test_the_bitrate_is_reached(name: str, kbps: int, tmp_path: Path) -> None:
    path, seconds = tmp_path / "coded", 6.0
    reached = write_sound(path, music(seconds), TRANSFORMATIONS[name].coding)
    # Vorbis at its lowest quality spends what the sound asks for; MPEG has steps of 16.
    assert 0.8 * kbps <= reached <= 1.1 * kbps
    assert reached == pytest.approx(path.stat().st_size * 8 / 1000 / seconds)
    assert read_sound(path).wave.shape[1] == 2


def test_float_files_bear_any_gain_and_integers_clip(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    loud = Sound(music().wave * 20, RATE_HZ)
    write_sound(path, loud, Coding())
    assert np.array_equal(read_sound(path).wave, loud.wave)
    clipped = TRANSFORMATIONS["gain_clipped"]
    near_full_scale = Sound(music().wave * 2, RATE_HZ)
    write_sound(path, clipped.apply(near_full_scale, seeded(1)), clipped.coding)
    heard = read_sound(path).wave
    assert np.abs(heard).max() == pytest.approx(1.0, abs=1e-4)
    assert np.mean(np.abs(heard) > 0.999) > 0.01


def test_gain_is_twelve_decibels_either_way() -> None:
    own = music(1.0)
    ratios = {
        round(float(20 * np.log10(louder_or_softer(own, seeded(s)).wave[9, 0] / own.wave[9, 0])), 3)
        for s in range(20)
    }
    assert ratios == {12.0, -12.0}


def test_cuts_are_at_the_ends_and_five_seconds_at_most() -> None:
    own = Sound(np.arange(30 * RATE_HZ, dtype=np.float32)[:, None], RATE_HZ)
    kinds = set()
    for seed in range(40):
        cut = trimmed(own, seeded(seed)).wave[:, 0]
        assert np.array_equal(cut, own.wave[int(cut[0]) : int(cut[-1]) + 1, 0])
        start_s = cut[0] / RATE_HZ
        end_s = (len(own.wave) - 1 - cut[-1]) / RATE_HZ
        assert max(start_s, end_s) <= 5.0
        kinds.add((start_s > 0, end_s > 0))
    assert kinds == {(True, False), (False, True), (True, True)}
    assert trimmed(music(6.0), seeded(1)).seconds >= 2.0


def test_speed_moves_pitch_and_length_together() -> None:
    t = np.arange(10 * RATE_HZ) / RATE_HZ
    own = Sound(np.sin(2 * np.pi * 1000 * t).astype(np.float32)[:, None], RATE_HZ)
    factors = []
    for seed in range(12):
        wave = sped(own, seeded(seed)).wave[:, 0]
        spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
        pitch = spectrum.argmax() * RATE_HZ / len(wave)
        assert pitch / 1000 == pytest.approx(len(own.wave) / len(wave), rel=2e-4)  # a bin is 0.1 Hz
        factors.append(pitch / 1000)
    assert min(factors) == pytest.approx(1 / 1.02, rel=2e-4)
    assert max(factors) == pytest.approx(1.02, rel=2e-4)


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_twenty_decibels_below(seed: int) -> None:
    own = music()
    noise = noisy(own, seeded(seed)).wave.astype(float) - own.wave
    ratio = np.mean(np.square(own.wave, dtype=float)) / np.mean(noise**2)
    assert 10 * np.log10(ratio) == pytest.approx(SNR_DB, abs=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_an_equaliser_turns_some_band_by_four_to_eight_decibels(seed: int) -> None:
    impulse = np.zeros((RATE_HZ, 1), dtype=np.float32)
    impulse[0] = 1.0
    wave = equalised(Sound(impulse, RATE_HZ), seeded(seed)).wave[:, 0]
    response = 20 * np.log10(np.abs(np.fft.rfft(wave)) + 1e-12)
    assert 4.0 <= np.abs(response).max() <= 14.0  # neighbours add up
    assert abs(response[15_000:].mean()) < 4.5


def test_resampling_changes_the_rate_and_nothing_else() -> None:
    own = music()
    down = resampled(own, seeded(1))
    assert down.rate_hz == 22_050
    assert resampled(down, seeded(1)).rate_hz == RATE_HZ
    frequencies, before = signal.welch(own.wave[:, 0], RATE_HZ, nperseg=4096)
    _, after = signal.welch(down.wave[:, 0], 22_050, nperseg=2048)
    low = frequencies < 9_000
    assert np.allclose(after[: low.sum()], before[low], rtol=0.5)


def test_what_is_read_is_what_soundfile_reads(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    soundfile.write(path, music(1.0).wave, RATE_HZ)
    assert read_sound(path).wave.shape == (RATE_HZ, 2)
