"""Fingerprints are deterministic, small, and come back from bytes as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from core.errors import AudioDecodeError, DataError
from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.fingerprints.fingerprint import (
    LIMIT_S,
    VERSION,
    Fingerprint,
    fingerprint,
    fingerprint_file,
    stored_landmarks,
)
from tests.support.tunes import tune


def same(one: Fingerprint, other: Fingerprint) -> bool:
    return (
        one.duration_s == other.duration_s
        and one.crest == other.crest
        and np.array_equal(one.peaks.frames, other.peaks.frames)
        and np.array_equal(one.peaks.pitches, other.peaks.pitches)
        and np.array_equal(one.landmarks.hashes, other.landmarks.hashes)
        and np.array_equal(one.landmarks.frames, other.landmarks.frames)
        and np.array_equal(one.levels, other.levels)
    )


@pytest.fixture(scope="module")
def made() -> Fingerprint:
    return fingerprint(tune(2))


def test_equal_samples_have_equal_fingerprints(made: Fingerprint) -> None:
    assert same(made, fingerprint(tune(2).copy()))
    assert not same(made, fingerprint(tune(3)))


def test_bytes_give_it_back(made: Fingerprint) -> None:
    data = made.to_bytes()
    assert same(made, Fingerprint.from_bytes(data))
    assert Fingerprint.from_bytes(data).to_bytes() == data
    landmarks = stored_landmarks(data)
    assert np.array_equal(landmarks.hashes, made.landmarks.hashes)
    assert len(data) < 4096


@pytest.mark.parametrize("n", [0, 1, 5_000])
def test_next_to_nothing_has_a_fingerprint(n: int) -> None:
    made = fingerprint(np.zeros(n, dtype=np.float32))
    assert same(made, Fingerprint.from_bytes(made.to_bytes()))
    assert len(made.peaks) == 0


def test_two_minutes_are_described_and_all_are_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    noise = (0.1 * rng.standard_normal(round((LIMIT_S + 20) * SAMPLE_RATE_HZ))).astype(np.float32)
    whole = fingerprint(noise)
    assert whole.duration_s == LIMIT_S + 20
    assert whole.described_s == LIMIT_S
    cut = fingerprint(noise[: round(LIMIT_S * SAMPLE_RATE_HZ)], LIMIT_S + 20)
    assert same(whole, cut)
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise, SAMPLE_RATE_HZ, "FLOAT")
    assert same(whole, fingerprint_file(path))


def test_a_file_without_sound_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.touch()
    with pytest.raises(AudioDecodeError, match="is empty"):
        fingerprint_file(path)


def test_another_version_is_refused(made: Fingerprint) -> None:
    data = bytes([VERSION + 1]) + made.to_bytes()[1:]
    with pytest.raises(DataError, match=f"version {VERSION + 1}.*fingerprint the recordings again"):
        Fingerprint.from_bytes(data)


@given(st.integers(min_value=0))
def test_a_cut_fingerprint_is_damaged(made: Fingerprint, at: int) -> None:
    data = made.to_bytes()
    with pytest.raises(DataError, match="damaged"):
        Fingerprint.from_bytes(data[: at % len(data)])
