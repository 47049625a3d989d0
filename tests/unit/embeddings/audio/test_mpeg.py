"""The length of an mp3 that declares none: counted, not guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import AudioDecodeError
from embeddings.audio.mpeg import DeclaredFile, find_undeclared, parse_header
from embeddings.audio.waveform import SAMPLE_RATE_HZ, decode, read_crops
from tests.support.sound_files import MP3_RATES_HZ, tone, without_length, write_sound

RATE_HZ = 44_100
FRAMES = 156  # 4 s and the encoder's delay in frames of 1152, the header's own frame included


@pytest.fixture
def mp3(tmp_path: Path) -> bytes:
    noise = np.random.default_rng(0).normal(0, 0.05, 4 * RATE_HZ).astype(np.float32)
    return write_sound(tmp_path / "a", tone(4, RATE_HZ) + noise, RATE_HZ, "mp3").read_bytes()


def written(folder: Path, data: bytes) -> Path:
    path = folder / "b.mp3"
    path.write_bytes(data)
    return path


def test_headers_are_those_of_the_standard():
    # 128 kbit/s at 44.1 kHz without padding: 144 * 128000 / 44100 = 417.96 bytes.
    first = parse_header(bytes([0xFF, 0xFB, 0x90, 0x64]))
    assert first is not None
    assert (first.size, first.samples, first.stream) == (417, 1152, (3, 44_100))
    padded = parse_header(bytes([0xFF, 0xFB, 0x92, 0x64]))
    assert padded is not None
    assert padded.size == 418
    # MPEG 2, 64 kbit/s at 22.05 kHz: 72 * 64000 / 22050 = 208.98 bytes.
    low = parse_header(bytes([0xFF, 0xF3, 0x80, 0xC4]))
    assert low is not None
    assert (low.size, low.samples, low.stream) == (208, 576, (2, 22_050))


@pytest.mark.parametrize(
    "header", ["fffb9c64", "fffb0064", "fffbf064", "fffd9064", "ffeb9064", "fefb9064", "fffb90"]
)
def test_what_is_no_layer_iii_header_is_none(header):
    assert parse_header(bytes.fromhex(header)) is None


def test_a_declared_length_is_left_to_the_decoder(tmp_path, mp3):
    assert find_undeclared(written(tmp_path, mp3)) is None
    assert find_undeclared(written(tmp_path, b"no sound at all" * 100)) is None


@pytest.mark.parametrize("around", [(b"", b""), (b"ID3\x04\0\0\0\0\x07\x68" + bytes(1000), b"TAG")])
def test_frames_are_counted_past_tags_and_junk(tmp_path, mp3, around):
    before, after = around
    plain = without_length(mp3)
    stream = find_undeclared(written(tmp_path, before + plain + after + bytes(200_000)))
    assert stream is not None
    assert (stream.start, stream.frames, stream.declared) == (len(before), FRAMES, FRAMES)
    middle = plain.find(plain[:2], 20_000)
    found = find_undeclared(written(tmp_path, plain[:middle] + b"junk" * 100 + plain[middle:]))
    assert found is not None
    assert FRAMES - 1 <= found.frames <= FRAMES


def test_a_file_reads_as_header_and_stream(tmp_path, mp3):
    path = written(tmp_path, b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + without_length(mp3))
    stream = find_undeclared(path)
    assert stream is not None
    whole = stream.header + path.read_bytes()[20:]
    with path.open("rb") as handle:
        file = DeclaredFile(handle, stream)
        assert file.read(10**7) == whole
        assert file.seek(-7, 2) == len(whole) - 7
        assert file.read(100) == whole[-7:]
        assert file.seek(len(stream.header) - 3) == file.tell()
        assert file.read(6) == whole[len(stream.header) - 3 : len(stream.header) + 3]
        file.seek(-6, 1)
        assert file.read(3) == stream.header[-3:]


@pytest.mark.parametrize("rate_hz", MP3_RATES_HZ)
@pytest.mark.parametrize("channels", [1, 2])
def test_all_of_a_changing_bit_rate_is_heard(tmp_path, rate_hz, channels):
    # Two seconds of noise before two of silence: by its first frames the file would be shorter.
    noise = np.random.default_rng(0).normal(0, 0.2, 2 * rate_hz).astype(np.float32)
    sound = np.concatenate([noise, np.zeros(2 * rate_hz, np.float32), noise])
    shaped = np.repeat(sound[:, None], channels, axis=1)
    whole = write_sound(tmp_path / "a", shaped, rate_hz, "mp3").read_bytes()
    heard = decode(written(tmp_path, without_length(whole)))
    assert len(heard) / SAMPLE_RATE_HZ == pytest.approx(6.0, abs=0.25)  # whole frames, and delay
    level = [np.abs(part).mean() for part in np.array_split(heard, 3)]
    assert min(level[0], level[2]) > 5 * level[1]


def test_artwork_at_the_end_is_no_missing_sound(tmp_path, mp3):
    # The decoder takes the size of the file for sound: 200 kB more are 20 s more.
    path = written(tmp_path, without_length(mp3) + bytes(200_000))
    assert len(decode(path)) / 22_050 < 4.2
    assert read_crops(path, 3, 1.0).shape == (3, 22_050)


def test_a_vbri_header_tells_a_cut_file(tmp_path, mp3):
    whole = without_length(mp3, vbri_frames=FRAMES - 1)
    assert read_crops(written(tmp_path, whole), 2, 0.5).shape == (2, 11_025)
    with pytest.raises(AudioDecodeError, match=r"is truncated \(\d+ of 155 MPEG frames\)"):
        read_crops(written(tmp_path, whole[: len(whole) // 2]), 2, 0.5)
