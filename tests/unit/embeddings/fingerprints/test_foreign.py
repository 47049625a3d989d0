"""What changes a recording as a whole adds nothing foreign; what sounds anew does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.fingerprints.foreign import EXPLAINED, foreign_share
from tests.support.tunes import tune

COPY = 0.0005  # `max_foreign` of the rule


def noisy(samples: np.ndarray, *, pink: bool) -> np.ndarray:
    noise = np.random.default_rng(3).standard_normal(len(samples))
    if pink:
        bins = np.maximum(np.arange(len(noise) // 2 + 1), 1)
        noise = np.fft.irfft(np.fft.rfft(noise) / np.sqrt(bins), len(noise))
    return samples + noise * np.sqrt(np.mean(samples**2) / np.mean(noise**2)) * 0.1  # 20 dB below


def lifted(samples: np.ndarray) -> np.ndarray:
    """Raise everything above 800 Hz by 12 dB: far more than a tone control does."""
    above = signal.butter(1, 800.0, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
    return samples + 3.0 * signal.sosfilt(above, samples)


CHANGES = {
    "nothing": lambda x: x,
    "gain": lambda x: 0.25 * x,
    "polarity": lambda x: -x,
    "treble": lifted,
    "white noise": lambda x: noisy(x, pink=False),
    "pink noise": lambda x: noisy(x, pink=True),
    "sixteen steps of loudness": lambda x: np.round(x * 64) / 64,
}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_holds_nothing_foreign(number: int, name: str) -> None:
    own = tune(number)
    copy = np.asarray(CHANGES[name](own), dtype=np.float32)
    assert foreign_share(copy, own) < COPY


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (1, {"kit": "orchestra"}),
        (8, {"kit": "orchestra"}),
        (0, {"bass": "sub"}),
        (2, {"bass": "synth bass"}),
    ],
)
def test_one_part_that_sounds_otherwise_is_foreign(number: int, change: dict[str, object]) -> None:
    assert foreign_share(tune(number, **change), tune(number)) > 10 * COPY


def test_another_piece_is_foreign_for_the_most_part() -> None:
    assert foreign_share(tune(1), tune(2)) > 0.3


@pytest.mark.parametrize("loudness", [0.3, 1.0])
def test_the_share_is_the_energy_that_was_added_less_what_a_copy_may_lack(loudness: float) -> None:
    """Bursts of 1 kHz over a tone of 300 Hz: cells hold one or the other, so the sum is known."""
    seconds = np.arange(10 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * 300 * seconds)
    bursts = loudness * np.sin(2 * np.pi * 1000 * seconds) * (seconds % 1.0 < 0.2)
    with_bursts = np.asarray(tone + bursts, dtype=np.float32)
    energy = np.sum(bursts**2) / np.sum(with_bursts**2)
    found = foreign_share(np.asarray(tone, dtype=np.float32), with_bursts)
    # Edges of bursts share a frame with silence; nothing else is lost.
    assert found == pytest.approx((1 - EXPLAINED) * energy, rel=0.02)
    assert foreign_share(with_bursts, np.asarray(tone, dtype=np.float32)) == pytest.approx(found)


def test_silence_says_nothing_and_explains_nothing() -> None:
    silence = np.zeros(SAMPLE_RATE_HZ, dtype=np.float32)
    assert np.isnan(foreign_share(silence, silence))
    assert np.isnan(foreign_share(silence[:10], silence[:10]))
    assert foreign_share(silence, tune(1)[:SAMPLE_RATE_HZ]) > 0.3
    assert foreign_share(tune(1)[:SAMPLE_RATE_HZ], silence) > 0.3
