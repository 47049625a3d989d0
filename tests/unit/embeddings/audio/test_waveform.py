"""Reading recordings: rates, formats, crops, and every way in which a file can be broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import AudioDecodeError, DataError
from embeddings.audio.container import opened
from embeddings.audio.waveform import SAMPLE_RATE_HZ, crop_starts, decode, read_crops, stream
from tests.support.sound_files import MP3_RATES_HZ, OPUS_RATES_HZ, tone, write_sound


def sine(seconds: float, hz: float = 440.0, rate: int = SAMPLE_RATE_HZ) -> np.ndarray:
    at = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hz * at)).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE_HZ, **kwargs: str) -> Path:
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(path, "w", rate, channels, **kwargs) as file:
        for start in range(0, len(samples), rate):  # libvorbis crashes on very long single writes
            file.write(samples[start : start + rate])
    return path


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_each_format_decodes_to_its_sine(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", sine(4.0))
    crops = read_crops(path, 3, 1.0)
    assert crops.shape == (3, SAMPLE_RATE_HZ)
    assert crops.dtype == np.float32
    for crop in crops:
        spectrum = np.abs(np.fft.rfft(crop))
        assert np.argmax(spectrum) == 440  # one second: a bin a hertz
        assert np.abs(crop).max() == pytest.approx(0.5, abs=0.05)  # lossy codecs overshoot


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_other_rates_and_stereo_become_mono_at_one_rate(tmp_path, rate):
    stereo = np.stack([sine(12.0, rate=rate), np.zeros(12 * rate, np.float32)], axis=1)
    path = write(tmp_path / "a.wav", stereo, rate)
    whole = decode(path)
    assert len(whole) == pytest.approx(12 * SAMPLE_RATE_HZ, abs=2)
    middle = whole[SAMPLE_RATE_HZ : 2 * SAMPLE_RATE_HZ]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 440
    assert np.abs(middle).max() == pytest.approx(0.25, abs=0.005)  # 16-bit file, resampler ripple
    np.testing.assert_allclose(read_crops(path, 2, 1.0)[1], whole[-SAMPLE_RATE_HZ:], atol=0.05)


def test_stream_yields_the_whole_recording_in_blocks(tmp_path):
    samples = sine(25.0)
    parts = list(stream(write(tmp_path / "a.wav", samples, subtype="FLOAT")))
    assert len(parts) == 3
    np.testing.assert_allclose(np.concatenate(parts), samples, atol=1e-6)


def test_decode_stops_at_its_limit(tmp_path):
    path = write(tmp_path / "a.wav", sine(25.0))
    assert len(decode(path, limit_s=2.5)) == round(2.5 * SAMPLE_RATE_HZ)


def test_crops_are_the_samples_at_evenly_spread_places(tmp_path):
    ramp = np.linspace(-0.9, 0.9, 10 * SAMPLE_RATE_HZ, dtype=np.float32)
    crops = read_crops(write(tmp_path / "a.wav", ramp, subtype="FLOAT"), 3, 2.0)
    for crop, start in zip(crops, (0, 4 * SAMPLE_RATE_HZ, 8 * SAMPLE_RATE_HZ), strict=True):
        np.testing.assert_array_equal(crop, ramp[start : start + 2 * SAMPLE_RATE_HZ])


def counted_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the length of every read."""
    lengths: list[int] = []
    original = soundfile.SoundFile.read

    def read(self: soundfile.SoundFile, *args: object, **kwargs: object) -> np.ndarray:
        found = original(self, *args, **kwargs)
        lengths.append(len(found))
        return found

    monkeypatch.setattr(soundfile.SoundFile, "read", read)
    return lengths


def test_crops_read_only_what_they_cover(tmp_path, monkeypatch):
    path = write(tmp_path / "a.flac", sine(120.0))
    read = counted_reads(monkeypatch)
    read_crops(path, 3, 2.0)
    assert sum(read) == 3 * 2 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("suffix", ["ogg", "mp3", "flac"])
def test_crops_after_a_seek_are_those_of_a_whole_decode(tmp_path, suffix):
    sweep = np.sin(2 * np.pi * np.cumsum(np.geomspace(100, 4000, 200 * 11_025)) / 11_025) / 2
    path = write(tmp_path / f"a.{suffix}", sweep.astype(np.float32), 11_025)
    whole, _ = soundfile.read(path, dtype="float32")
    with opened(path) as recording:
        for start in (0, 20_000, 60_000, 1_500_000, 500_000, 700_000):
            read = recording.read(start, 20_000)
            # The same frames decoded from another start differ in rounding only.
            np.testing.assert_allclose(read, whole[start : start + 20_000], atol=1e-4)


def test_blocks_of_an_mp3_are_those_of_a_whole_decode(tmp_path):
    path = write(tmp_path / "a.mp3", sine(25.0))
    whole, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(np.concatenate(list(stream(path))), whole, atol=1e-5)


def test_a_short_recording_is_repeated(tmp_path):
    samples = sine(1.5)
    crops = read_crops(write(tmp_path / "a.wav", samples, subtype="FLOAT"), 2, 4.0)
    np.testing.assert_array_equal(crops[0], np.resize(samples, 4 * SAMPLE_RATE_HZ))
    np.testing.assert_array_equal(crops[0], crops[1])


def test_crop_starts_span_the_recording():
    assert crop_starts(100, 10, 4).tolist() == [0, 30, 60, 90]
    assert crop_starts(100, 10, 1).tolist() == [45]
    assert crop_starts(10, 10, 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize("suffix", ["wav", "ogg", "mp3", "flac"])
def test_a_file_that_is_misnamed_is_read_by_what_it_holds(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", sine(2.0))
    for name in ("a.wav", "a.ogg", "a.raw", "a.txt", "a"):
        path = path.rename(tmp_path / f"b{name}")
        assert np.argmax(np.abs(np.fft.rfft(read_crops(path, 1, 1.0)[0]))) == 440


@pytest.mark.parametrize("suffix", ["ogg", "mp3", "wav", "flac", "vox", "gsm", "au", "raw"])
def test_text_is_no_sound_whatever_its_name(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_text("not music, only words\n" * 5_000, encoding="utf-8")
    with pytest.raises(AudioDecodeError, match="is not audio that can be read"):
        read_crops(path, 1, 1.0)


@pytest.mark.parametrize("kind", ["wav", "wav24", "wavfloat", "flac", "ogg", "opus", "mp3"])
def test_every_rate_of_every_format_becomes_ours(tmp_path, kind):
    rates = {"opus": OPUS_RATES_HZ, "mp3": MP3_RATES_HZ}.get(kind, (8_000, 44_100, 96_000, 192_000))
    for rate in rates:
        path = write_sound(tmp_path / "a", tone(2.5, rate), rate, kind)
        (crop,) = read_crops(path, 1, 1.0)
        assert np.argmax(np.abs(np.fft.rfft(crop))) == 440, rate
        assert np.abs(crop).max() == pytest.approx(0.5, abs=0.05), rate  # lossy codecs overshoot
        assert len(decode(path)) == pytest.approx(2.5 * SAMPLE_RATE_HZ, abs=1_300), rate  # a frame


@pytest.mark.parametrize("kind", ["wav", "wav24", "flac", "ogg", "opus"])
@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
def test_channels_are_mixed_to_their_mean(tmp_path, kind, channels):
    rate = 48_000
    parts = [tone(2, rate, 440.0 * (at + 1)) for at in range(channels)]
    path = write_sound(tmp_path / "a", np.stack(parts, axis=1), rate, kind)
    (crop,) = read_crops(path, 1, 1.0)
    spectrum = np.abs(np.fft.rfft(crop))[440 * np.arange(1, channels + 1)] * 2 / len(crop)
    # Codecs keep level within a tenth; lossy ones take one of six or more channels for effects and
    # cut it at 120 Hz.
    loud = spectrum[spectrum > 0.1 * spectrum.max()]
    without_effects = channels - (kind in {"ogg", "opus"} and channels >= 6)
    assert without_effects <= len(loud) <= channels
    np.testing.assert_allclose(loud, 0.5 / channels, rtol=0.15)


@pytest.mark.parametrize("times", [100, 1_000_000])
def test_values_far_beyond_full_scale_are_refused(tmp_path, times):
    loud = write(tmp_path / "a.wav", sine(2.0) * times, subtype="FLOAT")
    if times == 100:  # 34 dB above full scale: a float mix that nobody brought to level
        assert np.abs(read_crops(loud, 1, 1.0)).max() == pytest.approx(50, rel=0.01)
        return
    with pytest.raises(AudioDecodeError, match=r"peaks at 5e\+05, and full scale is 1"):
        read_crops(loud, 1, 1.0)


def test_a_flac_stream_of_unknown_length_is_read_to_its_end(tmp_path):
    path = write(tmp_path / "a.flac", sine(4.0))
    stream_info = bytearray(path.read_bytes())
    stream_info[21] &= 0xF0  # 36 bits of length, 0 where it was never known (RFC 9639, 8.2)
    stream_info[22:26] = bytes(4)
    path.write_bytes(stream_info)
    assert len(decode(path)) == 4 * SAMPLE_RATE_HZ
    np.testing.assert_allclose(read_crops(path, 2, 1.0)[1], sine(4.0)[-SAMPLE_RATE_HZ:], atol=1e-4)


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [(24, 2_000_000_000, "2000000000 samples a second"), (24, 1, "1 samples a second")],
)
def test_a_header_that_asks_for_the_impossible_is_refused(tmp_path, at, value, words):
    path = write(tmp_path / "a.wav", sine(2.0))
    data = bytearray(path.read_bytes())
    data[at : at + 4] = value.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(AudioDecodeError, match=words):
        read_crops(path, 1, 1.0)


def test_overlapping_crops_decode_their_common_part_once(tmp_path, monkeypatch):
    path = write(tmp_path / "a.ogg", sine(4.0))
    read = counted_reads(monkeypatch)
    crops = read_crops(path, 4, 2.5)
    assert sum(read) <= 4 * SAMPLE_RATE_HZ
    whole = decode(path)
    for crop, start in zip(crops, crop_starts(len(whole), crops.shape[1], 4), strict=True):
        np.testing.assert_allclose(crop, whole[start : start + crops.shape[1]], atol=1e-5)


def cut(path: Path, share: float) -> Path:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def broken_files(folder: Path) -> dict[str, tuple[Path, str]]:
    not_finite = sine(2.0)
    not_finite[100] = np.nan
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "page.mp3").write_text("<html>not found</html>" * 50)
    (folder / "image.wav").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000))
    (folder / "headerless.raw").write_bytes(bytes(5000))
    return {
        "absent": (folder / "absent.wav", "no such file"),
        "folder": (folder, "no such file"),
        "empty": (folder / "empty.mp3", "is empty"),
        "html": (folder / "page.mp3", "is not audio"),
        "image": (folder / "image.wav", "is not audio"),
        "raw": (folder / "headerless.raw", "is not audio"),
        "silent": (write(folder / "silent.wav", np.zeros(50_000)), "is silent (peak digital zero)"),
        "faint": (write(folder / "faint.ogg", sine(2.0) * 1e-5), "is silent"),
        "nan": (write(folder / "nan.wav", not_finite, subtype="FLOAT"), "not finite"),
        "short": (write(folder / "short.wav", sine(0.2)), "too short (0.20 s, needs 0.5 s)"),
        "cut wav": (cut(write(folder / "cut.wav", sine(3.0)), 0.6), "is truncated"),
        "cut ogg": (cut(write(folder / "cut.ogg", sine(9.0)), 0.6), "is truncated"),
        "cut flac": (cut(write(folder / "cut.flac", sine(9.0)), 0.6), ""),
        "cut mp3": (cut(write(folder / "cut.mp3", sine(9.0)), 0.6), "is truncated"),
        "cut opus": (
            cut(write_sound(folder / "cut.opus", tone(9.0, 48_000), 48_000, "opus"), 0.6),
            "is truncated",
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("absent", "folder", "empty", "html", "image", "raw", "silent", "faint", "nan", "short"),
        *("cut wav", "cut ogg", "cut flac", "cut mp3", "cut opus"),
    ],
)
def test_a_broken_file_is_refused_with_its_name_and_reason(tmp_path, name):
    path, words = broken_files(tmp_path)[name]
    for read in (lambda: read_crops(path, 3, 1.0), lambda: decode(path)):
        with pytest.raises(AudioDecodeError) as caught:
            read()
        assert caught.value.path == path
        assert words in caught.value.reason
        assert str(path) in str(caught.value)
        assert isinstance(caught.value, DataError)
