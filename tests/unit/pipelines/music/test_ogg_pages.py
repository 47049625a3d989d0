"""Ogg pages: a pinned serial changes neither the sound nor the validity of the file."""

import numpy as np
import pytest
import soundfile

from core.errors import DataError
from core.randomness import generator
from pipelines.music.audio_file import write_track
from pipelines.music.ogg_pages import SERIAL_AT, checksum, pin_serial


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "noise.ogg"
    noise = generator(1, "noise").normal(0, 0.1, 20_000).astype(np.float32)
    write_track(path, noise, 32_000)
    return path


def test_pinning_the_serial_that_stands_there_gives_back_the_same_bytes(recording):
    """The encoder's own checksums are the oracle for ours."""
    before = recording.read_bytes()
    pin_serial(recording, int.from_bytes(before[SERIAL_AT : SERIAL_AT + 4], "little"))
    assert recording.read_bytes() == before


def test_equal_sound_becomes_an_equal_file(recording, tmp_path):
    sound, _rate = soundfile.read(recording, dtype="float32")
    noise = generator(1, "noise").normal(0, 0.1, 20_000).astype(np.float32)
    again = tmp_path / "again.ogg"
    write_track(again, noise, 32_000)
    for path in (recording, again):
        pin_serial(path)
    assert recording.read_bytes() == again.read_bytes()
    np.testing.assert_array_equal(soundfile.read(recording, dtype="float32")[0], sound)


def test_what_is_not_a_whole_ogg_file_is_refused_by_name(recording):
    whole = recording.read_bytes()
    for broken in (b"RIFF" + whole[4:], whole[:-10], whole[:-10] + b"Og"):
        recording.write_bytes(broken)
        with pytest.raises(DataError, match=r"noise\.ogg is not a whole Ogg file"):
            pin_serial(recording)
        assert recording.read_bytes() == broken


def test_checksum_of_one_byte_is_the_polynomial():
    assert checksum(b"\x01") == 0x04C11DB7
