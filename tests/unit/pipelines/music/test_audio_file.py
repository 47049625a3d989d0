"""Files of the world: what is written can be read back."""

import numpy as np
import pytest
import soundfile

from core.errors import DataError
from pipelines.music.audio_file import write_track

RATE_HZ = 32_000


def tone(n: int, channels: int) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(n) / RATE_HZ)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("suffix", "tolerance"), [(".flac", 1 / 2**15), (".wav", 1 / 2**15), (".ogg", 0.05)]
)
def test_a_track_survives_the_coding(tmp_path, suffix, tolerance, channels):
    sound = tone(3 * RATE_HZ + 7, channels)
    path = tmp_path / f"a{suffix}"
    write_track(path, sound, RATE_HZ)
    read, rate_hz = soundfile.read(path, always_2d=True)
    assert rate_hz == RATE_HZ
    assert read.shape == sound.shape
    # lossless codings round to 16 bits; Vorbis keeps a plain tone within a twentieth
    assert np.abs(read - sound)[RATE_HZ // 10 : -RATE_HZ // 10].max() <= tolerance
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_two_minutes_of_vorbis_do_not_overrun_the_encoder(tmp_path):
    sound = tone(120 * 16_000, 1)[:, 0]
    write_track(tmp_path / "long.ogg", sound, 16_000)
    assert soundfile.info(tmp_path / "long.ogg").frames == sound.size


def test_an_unknown_suffix_and_broken_samples_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"use one of \.ogg"):
        write_track(tmp_path / "a.aiff", tone(100, 2), RATE_HZ)
    broken = tone(100, 2)
    broken[5, 0] = np.nan
    with pytest.raises(DataError, match="not finite"):
        write_track(tmp_path / "a.ogg", broken, RATE_HZ)
    assert list(tmp_path.iterdir()) == []
