"""Tempo, key and character against clicks, chords and noise whose truth is given."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.measures.character import brightness_of, energy_of, find_traits, fit_scale
from embeddings.measures.key import KEY_NAMES, find_key
from embeddings.measures.tempo import agrees, estimate_tempo
from pipelines.music.attributes import NOTE_NAMES

RATE_HZ = 22_050


def clicks(bpm: float, seconds: float = 12.0) -> np.ndarray:
    rng = np.random.default_rng(3)
    sound = 1e-4 * rng.normal(size=round(seconds * RATE_HZ))
    for beat in np.arange(0.1, seconds - 0.1, 60.0 / bpm):
        start = round(beat * RATE_HZ)
        sound[start : start + 400] += np.exp(-np.arange(400) / 80) * rng.normal(size=400)
    return sound.astype(np.float32)


def cadence(tonic: int, mode: str) -> np.ndarray:
    third = 4 if mode == "major" else 3
    chords = [(0, third, 7), (5, 5 + third, 12), (7, 11, 14), (0, third, 7)]
    at = np.arange(round(0.8 * RATE_HZ)) / RATE_HZ
    parts = []
    for chord in chords:
        hz = [261.63 * 2 ** ((tonic + step) / 12) for step in chord]
        tones = [np.sin(2 * np.pi * f * h * at) / h for f in hz for h in (1, 2, 3)]
        parts.append(np.sum(tones, axis=0) * np.exp(-at))
    return np.tile(np.concatenate(parts), 3).astype(np.float32)


@pytest.mark.parametrize("bpm", [72.0, 96.0, 120.0, 168.0])
def test_the_tempo_of_clicks_is_found(bpm):
    tempo = estimate_tempo(clicks(bpm), RATE_HZ)
    assert tempo.bpm == pytest.approx(bpm, rel=0.01)
    assert tempo.confidence > 0.2


def test_clicks_agree_with_their_tempo_and_half_of_it_and_with_no_other():
    tempo = estimate_tempo(clicks(140.0), RATE_HZ)
    assert agrees(tempo, 140.0, 0.03)
    assert agrees(tempo, 70.0, 0.03)  # every second click is a beat
    for other in (84.0, 100.0, 120.0, 155.0, 190.0):
        assert not agrees(tempo, other, 0.03)


def test_noise_has_a_tempo_without_confidence_and_silence_has_none():
    noise = np.random.default_rng(1).normal(size=12 * RATE_HZ).astype(np.float32)
    assert estimate_tempo(noise, RATE_HZ).confidence < 0.1
    nothing = estimate_tempo(np.zeros(5 * RATE_HZ, dtype=np.float32), RATE_HZ)
    assert np.isnan(nothing.bpm)
    assert not agrees(nothing, 120.0, 0.5)


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", [0, 3, 10])
def test_the_key_of_a_cadence_is_found(tonic, mode):
    key = find_key(cadence(tonic, mode), RATE_HZ)
    assert (key.tonic, key.mode) == (tonic, mode)
    assert key.name == f"{NOTE_NAMES[tonic]} {mode}"
    assert key.margin > 0
    assert key.shortfall(key.name) == 0.0
    assert min(key.shortfall(name) for name in KEY_NAMES if name != key.name) == key.margin


def test_keys_are_named_as_the_composer_names_them():
    assert KEY_NAMES[:12] == tuple(f"{note} major" for note in NOTE_NAMES)


def test_silence_is_in_no_key():
    assert find_key(np.zeros(RATE_HZ, dtype=np.float32), RATE_HZ).margin == 0.0


def test_energy_and_brightness_do_not_follow_the_volume():
    sound = cadence(0, "major") + clicks(120.0, 9.6)[: len(cadence(0, "major"))]
    loud, quiet = find_traits(sound, RATE_HZ), find_traits(0.1 * sound, RATE_HZ)
    assert energy_of(loud) == pytest.approx(energy_of(quiet), abs=1e-3)
    assert brightness_of(loud) == pytest.approx(brightness_of(quiet), abs=1e-3)


def test_noise_is_more_driving_and_brighter_than_a_low_tone():
    noise = np.random.default_rng(1).normal(size=5 * RATE_HZ).astype(np.float32)
    low = np.sin(2 * np.pi * 110 * np.arange(5 * RATE_HZ) / RATE_HZ).astype(np.float32)
    noisy, deep = find_traits(noise, RATE_HZ), find_traits(low, RATE_HZ)
    assert energy_of(noisy) > energy_of(deep)
    assert brightness_of(noisy) > brightness_of(deep)
    assert noisy.noisiness > deep.noisiness


def test_a_scale_that_is_linear_in_the_traits_is_found_again():
    rng = np.random.default_rng(2)
    found = [
        find_traits(rng.normal(size=4096) * np.linspace(1, k, 4096), RATE_HZ) for k in range(9)
    ]
    asked = np.array([0.3 + 0.05 * each.crest_db for each in found])
    intercept, slopes = fit_scale(found, ("crest_db",), asked, ridge=0.0)
    assert intercept == pytest.approx(0.3)
    assert slopes["crest_db"] == pytest.approx(0.05)
