"""Measuring whole files: of every coding, and of those that cannot be measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import AudioDecodeError
from embeddings.measures.recording import Measures, measure
from embeddings.measures.sound import read_sound
from pipelines.music.renderer import render_track
from pipelines.music.style import sample_attributes
from tests.support.sound_files import write_sound

RATE_HZ = 32_000


@pytest.fixture(scope="module")
def rendered() -> tuple[str, np.ndarray]:
    asked = sample_attributes("house", np.random.default_rng(4), 12.0)
    return asked.key_name, render_track(asked, RATE_HZ)


@pytest.fixture(scope="module")
def plain(tmp_path_factory, rendered) -> Measures:
    path = tmp_path_factory.mktemp("plain") / "plain.wav"
    return measure(write_sound(path, rendered[1], RATE_HZ, "wavfloat"))


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3"])
def test_a_coding_changes_no_measure(tmp_path: Path, rendered, plain, kind):
    key_name, sound = rendered
    coded = measure(write_sound(tmp_path / f"coded.{kind}", sound, RATE_HZ, kind))
    assert plain.key.name == coded.key.name == key_name
    assert coded.lufs == pytest.approx(plain.lufs, abs=0.1)
    assert coded.duration_s == pytest.approx(len(sound) / RATE_HZ, abs=0.1)
    assert coded.tempo.bpm == pytest.approx(plain.tempo.bpm, rel=0.01)
    assert coded.energy == pytest.approx(plain.energy, abs=0.1)
    assert coded.brightness == pytest.approx(plain.brightness, abs=0.1)


def test_channels_stay_apart(tmp_path: Path):
    left = np.stack([np.full(RATE_HZ, 0.5), np.full(RATE_HZ, -0.5)], axis=1).astype(np.float32)
    sound = read_sound(write_sound(tmp_path / "wide.wav", left, RATE_HZ, "wavfloat"))
    np.testing.assert_array_equal(sound.samples, left)
    assert sound.is_whole


def test_a_long_recording_is_read_by_its_beginning(tmp_path: Path):
    wave = np.zeros(4 * RATE_HZ, dtype=np.float32)
    sound = read_sound(write_sound(tmp_path / "long.wav", wave, RATE_HZ, "wav"), limit_s=1.0)
    assert len(sound.samples) == RATE_HZ
    assert sound.duration_s == 4.0
    assert not sound.is_whole


def test_silence_and_cut_files_are_refused(tmp_path: Path, rendered):
    silent = write_sound(tmp_path / "silent.wav", np.zeros(RATE_HZ), RATE_HZ, "wav")
    with pytest.raises(AudioDecodeError, match="is silent"):
        measure(silent)
    cut = write_sound(tmp_path / "cut.wav", rendered[1], RATE_HZ, "wav")
    cut.write_bytes(cut.read_bytes()[:100_000])
    with pytest.raises(AudioDecodeError, match="is truncated"):
        measure(cut)
