"""Rendered audio against what was asked, measured from the samples alone."""

from dataclasses import replace

import numpy as np
import pytest

from embeddings.measures.key import estimate_key
from embeddings.measures.tempo import estimate_tempo_bpm
from embeddings.measures.timbre import timbre_vector
from pipelines.music.attributes import TrackAttributes
from pipelines.music.effects import CEILING
from pipelines.music.instruments import TIMBRES, frequency_hz, play_tone
from pipelines.music.percussion import KITS, strike_drum
from pipelines.music.renderer import render_track
from pipelines.music.score import DRUMS
from pipelines.music.style import STYLES, sample_attributes

RATE_HZ = 32_000
N_TRACKS = 4 * len(STYLES)


@pytest.fixture(scope="module")
def tracks() -> list[TrackAttributes]:
    rng, names = np.random.default_rng(5), list(STYLES)
    return [sample_attributes(names[i % len(names)], rng) for i in range(N_TRACKS)]


@pytest.fixture(scope="module")
def sounds(tracks) -> list[np.ndarray]:
    return [render_track(track, RATE_HZ) for track in tracks]


def test_audio_is_stereo_finite_unclipped_and_as_long_as_asked(tracks, sounds):
    for track, sound in zip(tracks, sounds, strict=True):
        assert sound.dtype == np.float32
        assert sound.shape == (int(track.duration_s * RATE_HZ), 2)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() <= CEILING
        assert abs(float(sound.mean())) < 0.01  # no constant offset
        assert np.abs(sound[[0, -1]]).max() < 1e-3  # faded at both ends


def test_loudness_stays_in_a_sensible_range_and_follows_energy(tracks, sounds):
    level_db = np.array([20 * np.log10(np.sqrt(np.mean(sound**2))) for sound in sounds])
    assert level_db.min() > -24
    assert level_db.max() < -12
    assert np.corrcoef(level_db, [track.energy for track in tracks])[0, 1] > 0.6


def test_tempo_can_be_measured_within_three_percent(tracks, sounds):
    ratio = np.array([
        estimate_tempo_bpm(sound, RATE_HZ) / track.tempo_bpm
        for track, sound in zip(tracks, sounds, strict=True)
    ])  # fmt: skip
    exact = np.abs(ratio - 1) <= 0.03
    # every listener may count twice as fast or half as fast, and a waltz in bars
    levels = np.array([0.5, 1.0, 2.0, 1 / 3, 2 / 3, 1.5, 3.0])
    metrical = (np.abs(ratio[:, None] / levels - 1) <= 0.03).any(axis=1)
    octave = (np.abs(ratio[:, None] / levels[:3] - 1) <= 0.03).any(axis=1)
    assert exact.mean() >= 0.75
    assert octave.mean() >= 0.9
    assert metrical.mean() >= 0.95


def test_key_can_be_measured_in_nine_of_ten_tracks(tracks, sounds):
    right = [
        estimate_key(sound, RATE_HZ) == (track.key, track.mode)
        for track, sound in zip(tracks, sounds, strict=True)
    ]
    assert np.mean(right) >= 0.9


def test_styles_can_be_told_apart_but_not_perfectly(tracks, sounds):
    vectors = np.array([timbre_vector(sound, RATE_HZ) for sound in sounds])
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    styles = np.array([track.style for track in tracks])
    hits = 0
    for i, vector in enumerate(vectors):  # leave one out, so that no track is its own centre
        others = np.arange(len(vectors)) != i
        centres = {s: vectors[others & (styles == s)].mean(axis=0) for s in STYLES}
        hits += min(centres, key=lambda s: float(np.sum((centres[s] - vector) ** 2))) == styles[i]
    assert 5 / len(STYLES) < hits / len(vectors) < 0.95  # chance is 1 / n_styles


def test_equal_attributes_give_bit_identical_audio(tracks, sounds):
    for place in range(0, N_TRACKS, 9):
        np.testing.assert_array_equal(render_track(tracks[place], RATE_HZ), sounds[place])


def test_another_seed_gives_other_audio(tracks, sounds):
    other = render_track(replace(tracks[0], seed=tracks[0].seed + 1), RATE_HZ)
    assert not np.allclose(other, sounds[0], atol=0.01)


def test_brightness_moves_the_centre_of_the_spectrum(tracks):
    for track in tracks[:: len(STYLES) + 1]:
        dark, bright = (
            _centroid_hz(render_track(replace(track, brightness=b), RATE_HZ)) for b in (0.1, 0.9)
        )
        assert bright > 1.1 * dark


def _centroid_hz(sound: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(sound.mean(axis=1)))
    return float(np.sum(np.fft.rfftfreq(len(sound), 1 / RATE_HZ) * power) / power.sum())


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_other_sample_rates_keep_the_length_and_the_ceiling(tracks, rate_hz):
    sound = render_track(tracks[5], rate_hz)
    assert len(sound) == int(tracks[5].duration_s * rate_hz)
    assert np.abs(sound).max() <= CEILING


@pytest.mark.parametrize("name", TIMBRES)
def test_every_instrument_is_in_tune(name):
    timbre = TIMBRES[name]
    pitch = timbre.centre + 2
    tone = play_tone(timbre, pitch, 4.0, RATE_HZ, 0.5)
    assert tone[0] == pytest.approx(0.0, abs=0.15)  # the noise of a pick may start at once
    assert tone[-1] == 0.0
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(tone.size), 1 << 18))
    hz = np.fft.rfftfreq(1 << 18, 1 / RATE_HZ)
    near = np.abs(hz / frequency_hz(pitch) - 1) < 0.04
    loudest = hz[near][np.argmax(spectrum[near])]
    # a window of 4 s tells low basses apart to about 5 cents; a semitone is 100
    assert abs(1200 * np.log2(loudest / frequency_hz(pitch))) < 6 + timbre.detune_cents


@pytest.mark.parametrize("kit", KITS)
def test_every_drum_of_a_kit_sounds_and_dies_away(kit):
    for drum in range(len(DRUMS)):
        sound = strike_drum(kit, drum, RATE_HZ, 0.5)
        assert np.isfinite(sound).all()
        assert 0.1 < np.abs(sound).max() <= 1.0
        assert np.abs(sound[-RATE_HZ // 100 :]).max() < 0.05 * np.abs(sound).max()
