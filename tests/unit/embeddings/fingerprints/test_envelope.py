"""Levels of bands: relative, in half decibels, in the band where the sound is."""

from __future__ import annotations

import numpy as np

from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.fingerprints.constellation import spectra
from embeddings.fingerprints.envelope import (
    LIMIT_S,
    MAX_STEPS,
    N_BANDS,
    STEP_DB,
    STEPS_PER_S,
    envelope,
)


def tone(pitch_hz: float, seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return np.sin(2 * np.pi * pitch_hz * t).astype(np.float32)


def test_a_step_of_twenty_decibels_is_forty_units() -> None:
    samples = tone(1000, 6.0)
    samples[: len(samples) // 2] *= 0.1
    levels = envelope(spectra(samples)).astype(int)
    band = levels.max(axis=0).argmax()
    early, late = round(1.0 * STEPS_PER_S), round(5.0 * STEPS_PER_S)
    assert levels[late, band] == 255
    assert levels[late, band] - levels[early, band] == round(20 / STEP_DB)


def test_gain_changes_nothing() -> None:
    samples = np.random.default_rng(3).standard_normal(4 * SAMPLE_RATE_HZ).astype(np.float32)
    assert np.array_equal(envelope(spectra(samples)), envelope(spectra(samples * 4)))


def test_a_higher_tone_lies_in_a_higher_band() -> None:
    bands = [
        int(envelope(spectra(tone(pitch, 1.0))).sum(axis=0).argmax())
        for pitch in (150, 300, 600, 1200, 2400, 4800)
    ]
    assert bands == sorted(set(bands))


def test_a_tone_between_two_bands_belongs_to_both() -> None:
    """A change of speed then moves the level a little, instead of all of it at once."""
    pitches = 700 * 2 ** (np.arange(60) / 60)  # an octave of 60 tones, 1.2 % apart: two bands
    sweep = np.array([envelope(spectra(tone(pitch, 0.6)))[0] for pitch in pitches]).astype(int)
    heard = (sweep[:-1] > 255 - 10 / STEP_DB) & (sweep[1:] > 255 - 10 / STEP_DB)
    # A tone that sharp edges let fall out of a band would lose all of the ten at once.
    assert np.abs(np.diff(sweep, axis=0))[heard].max() * STEP_DB <= 6.0


def test_the_beginning_is_described_and_no_more() -> None:
    samples = np.random.default_rng(4).standard_normal(40 * SAMPLE_RATE_HZ).astype(np.float32)
    levels = envelope(spectra(samples))
    assert levels.shape == (MAX_STEPS, N_BANDS)
    assert abs(MAX_STEPS / STEPS_PER_S - LIMIT_S) < 0.5
    assert np.array_equal(levels[:50], envelope(spectra(samples[: 20 * SAMPLE_RATE_HZ]))[:50])


def test_too_little_to_describe_is_empty() -> None:
    assert envelope(spectra(np.zeros(100, dtype=np.float32))).shape == (0, N_BANDS)
    silence = envelope(spectra(np.zeros(SAMPLE_RATE_HZ, dtype=np.float32)))
    assert len(np.unique(silence)) == 1
