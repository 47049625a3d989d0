"""One fingerprint laid over another: speed and shift are found, agreement is measured."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.fingerprints.alignment import Overlay, agreement
from embeddings.fingerprints.constellation import FRAMES_PER_S, Constellation
from embeddings.fingerprints.fingerprint import Fingerprint, fingerprint
from embeddings.fingerprints.landmarks import SKETCH, sketch
from tests.support.tunes import tune

NOWHERE = Overlay(1.0, 0.0)


def points(peaks: Constellation, duration_s: float = 30.0) -> Fingerprint:
    levels = np.zeros((0, 12), dtype=np.uint8)
    return Fingerprint(duration_s, 12.0, peaks, sketch(peaks, SKETCH), levels)


def test_a_recording_agrees_with_itself() -> None:
    own = fingerprint(tune(1))
    found = agreement(own, own, NOWHERE)
    assert found.peaks == 1.0
    assert found.levels == pytest.approx(1.0)
    assert found.uncovered_s == pytest.approx(0.0, abs=1e-9)
    assert found.overlap_s == pytest.approx(own.duration_s)


@pytest.mark.parametrize(("speed", "shift"), [(1.0, 50.0), (1.02, 0.0), (0.98, -40.0)])
def test_speed_and_shift_are_found_from_a_rough_guess(speed: float, shift: float) -> None:
    rng = np.random.default_rng(1)
    frames = np.sort(rng.choice(1200, 400, replace=False)).astype(float)
    one = Constellation(frames, rng.uniform(0, 4.4, 400))
    other = Constellation(one.frames * speed + shift, one.pitches - np.log2(speed))
    guess = Overlay(speed * 1.004, shift + 4.0)
    found = agreement(points(one), points(other, 30.0 * speed), guess)
    assert found.overlay.speed == pytest.approx(speed, abs=1e-4)
    assert found.overlay.shift == pytest.approx(shift, abs=0.5)
    assert found.peaks > 0.99


def test_different_music_shares_few_peaks() -> None:
    found = agreement(fingerprint(tune(1)), fingerprint(tune(4)), NOWHERE)
    assert found.peaks < 0.3


@pytest.mark.parametrize("cut_s", [1.0, 3.0])
def test_a_cut_at_the_start_is_a_shift(cut_s: float) -> None:
    own = tune(1)
    cut = fingerprint(own[round(cut_s * SAMPLE_RATE_HZ) :])
    found = agreement(cut, fingerprint(own), Overlay(1.0, cut_s * FRAMES_PER_S + 3))
    assert found.overlay.shift == pytest.approx(cut_s * FRAMES_PER_S, abs=0.6)
    assert found.uncovered_s == pytest.approx(cut_s, abs=0.02)
    assert found.peaks > 0.85
    assert found.levels > 0.97


def test_what_only_one_has_at_an_end_is_uncovered() -> None:
    own = tune(1)
    short = fingerprint(own[: -4 * SAMPLE_RATE_HZ])
    assert agreement(short, fingerprint(own), NOWHERE).uncovered_s == pytest.approx(4.0, abs=0.02)


def test_two_percent_of_speed_is_measured() -> None:
    own = tune(1)
    faster = soxr.resample(own, SAMPLE_RATE_HZ * 1.02, SAMPLE_RATE_HZ)
    found = agreement(fingerprint(faster), fingerprint(own), Overlay(1.02, 0.0))
    assert found.overlay.speed == pytest.approx(1.02, abs=5e-4)
    assert found.levels > 0.95


def test_noise_fills_the_valleys_of_one_and_levels_agree_above_it() -> None:
    own = tune(1)
    noise = np.random.default_rng(3).standard_normal(len(own)) * np.sqrt(np.mean(own**2)) * 0.1
    found = agreement(fingerprint((own + noise).astype(np.float32)), fingerprint(own), NOWHERE)
    assert found.levels > 0.97
    assert found.weakest > 0.9


def test_what_cannot_be_compared_is_nan_and_shares_nothing() -> None:
    silence = fingerprint(np.zeros(SAMPLE_RATE_HZ, dtype=np.float32))
    found = agreement(silence, fingerprint(tune(1)), NOWHERE)
    assert found.peaks == 0.0
    assert np.isnan(found.levels)
