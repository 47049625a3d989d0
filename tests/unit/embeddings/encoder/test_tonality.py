"""Tonality: the same chord in another key is the same, another chord is not."""

from __future__ import annotations

import numpy as np
import torch

from embeddings.audio.spectrogram import N_MELS, log_mel
from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.encoder.tonality import CHORD_LAGS, CLASSES, N_TONALITY, _banks, tonality

MAJOR = (0, 4, 7, 12)
CHORDS = (MAJOR, (0, 1, 2, 12), (0, 2, 6, 8))  # a triad, a cluster, a whole-tone chord


def described(semitones: tuple[int, ...], root_hz: float, seconds: float = 1.0) -> np.ndarray:
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    waves = [
        np.sin(2 * np.pi * root_hz * 2 ** (step / 12) * partial * at) / partial
        for step in semitones
        for partial in range(1, 5)
    ]
    mels = log_mel((0.05 * np.sum(waves, axis=0)).astype(np.float32))
    return tonality(torch.from_numpy(mels)[None]).numpy()[0]


def test_a_chord_is_known_again_in_every_key():
    # Mel bands are no third of a semitone wide, so a key leaves some trace: hence the nearest.
    roots = 330.0 * 2 ** (np.array([0, 2, 5, 7]) / 12)
    chords = [chord for _ in roots for chord in range(len(CHORDS))]
    found = np.stack([described(CHORDS[c], root) for root in roots for c in range(len(CHORDS))])
    harmony = found[:, : -len(CHORD_LAGS)]
    apart = np.linalg.norm(harmony[:, None] - harmony[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    for row, chord in enumerate(chords):
        nearest = apart[row].argmin()
        assert nearest // len(CHORDS) != row // len(CHORDS)  # another key
        assert chords[nearest] == chord


def test_turning_the_circle_changes_nothing():
    circle, cosines, sines, turns = _banks()
    chroma = np.random.default_rng(0).random((2, CLASSES)).astype(np.float32)
    turned = np.roll(chroma, 7, axis=1)
    for bank in (chroma, turned):
        spectrum = np.hypot(bank @ cosines.numpy(), bank @ sines.numpy())
        np.testing.assert_allclose(spectrum, np.abs(np.fft.rfft(chroma, axis=1)), atol=1e-4)
    found = (turned.T @ turned).ravel() @ turns.numpy()
    plain = [(chroma * np.roll(chroma, step, axis=1)).sum() for step in range(1, CLASSES // 2 + 1)]
    np.testing.assert_allclose(found, plain, rtol=1e-5)
    # Each band above the lowest gives its all to the circle, the rest nothing.
    assert set(np.round(circle.sum(1).numpy(), 5)) == {0.0, 1.0}


def test_a_chord_that_is_held_resembles_itself_later():
    held = described(MAJOR, 330.0)[-len(CHORD_LAGS) :]
    assert held.min() > 0.95
    noise = np.random.default_rng(0).normal(size=(1, 212, N_MELS)).astype(np.float32)
    changing = tonality(torch.from_numpy(noise)).numpy()[0, -len(CHORD_LAGS) :]
    assert held.min() > changing.max()


def test_silence_and_short_crops_are_described_too():
    for frames in (1, 40, 212):
        found = tonality(torch.zeros(2, frames, N_MELS))
        assert found.shape == (2, N_TONALITY)
        assert torch.isfinite(found).all()
