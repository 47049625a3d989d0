"""Sound files of every kind, made on the spot."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from embeddings.audio.mpeg import parse_header
from pipelines.music.ogg_pages import CHECKSUM_AT, HEADER_BYTES, SEGMENTS_AT, checksum

KINDS: dict[str, tuple[str, str]] = {
    "wav": ("WAV", "PCM_16"),
    "wav24": ("WAVEX", "PCM_24"),
    "wavfloat": ("WAV", "FLOAT"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
"""Our name → libsndfile's container and coding."""
OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)
MP3_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
WRITE_FRAMES = 8_192  # libvorbis keeps its buffers on the stack: one long write can overrun it


def tone(seconds: float, rate_hz: int, hz: float = 440.0) -> np.ndarray:
    """Return (n,) float32, a sine at half of full scale."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * hz * at)).astype(np.float32)


def write_sound(path: Path, samples: np.ndarray, rate_hz: int, kind: str, times: int = 1) -> Path:
    """Write samples, so many times over, as a file of a kind."""
    container, coding = KINDS[kind]
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(path, "w", rate_hz, channels, coding, format=container) as file:
        for _ in range(times):
            for start in range(0, len(samples), WRITE_FRAMES):
                file.write(samples[start : start + WRITE_FRAMES])
    return path


def write_long(path: Path, minute: np.ndarray, rate_hz: int, kind: str, minutes: int) -> Path:
    """Write one minute many times over, encoding it once where the format can be repeated."""
    if kind not in {"ogg", "opus", "mp3"}:
        return write_sound(path, minute, rate_hz, kind, times=minutes)
    whole = write_sound(path, minute, rate_hz, kind).read_bytes()
    repeat = _repeat_frames if kind == "mp3" else _repeat_pages
    with path.open("wb") as file:
        file.writelines(repeat(whole, minutes))
    return path


def _repeat_frames(mp3: bytes, times: int) -> Iterator[bytes]:
    """Yield an mp3 that declares no length: its frames without the one that counts them."""
    at = first = 0
    while frame := parse_header(mp3[at : at + 4]):
        first = first or frame.size
        at += frame.size
    for _ in range(times):
        yield mp3[first:at]


def _repeat_pages(ogg: bytes, times: int) -> Iterator[bytes]:
    """Yield the header pages of a stream, then its sound over and over, numbered on."""
    pages = list(_ogg_pages(ogg))[:-1]  # the last may end within a packet, which no other may
    positions = [struct.unpack_from("<q", page, 6)[0] for page in pages]
    headers = next(at for at, position in enumerate(positions) if position > 0)
    length = positions[-1]
    yield from pages[:headers]
    sound = list(zip(pages[headers:], positions[headers:], strict=True))
    for turn in range(times):
        for at, (page, position) in enumerate(sound):
            number = headers + turn * len(sound) + at
            is_last = turn == times - 1 and at == len(sound) - 1
            yield _renumbered(page, max(position, 0) + turn * length, number, is_last=is_last)


def _ogg_pages(ogg: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(ogg):
        body = start + HEADER_BYTES + ogg[start + SEGMENTS_AT]
        end = body + sum(ogg[start + HEADER_BYTES : body])
        yield ogg[start:end]
        start = end


def _renumbered(page: bytes, position: int, number: int, *, is_last: bool) -> bytes:
    changed = bytearray(page)
    changed[5] = changed[5] & ~4 | 4 * is_last
    struct.pack_into("<q", changed, 6, position)
    struct.pack_into("<I", changed, 18, number)
    struct.pack_into("<I", changed, CHECKSUM_AT, 0)
    struct.pack_into("<I", changed, CHECKSUM_AT, checksum(changed))
    return bytes(changed)


def without_length(mp3: bytes, *, vbri_frames: int | None = None) -> bytes:
    """Return an mp3 whose first frame no longer declares how many follow (or does as VBRI)."""
    at = mp3.find(b"Xing") if b"Xing" in mp3[:256] else mp3.find(b"Info")
    changed = bytearray(mp3)
    changed[at : at + 120] = bytes(120)
    if vbri_frames is not None:
        start = next(i for i in range(len(mp3)) if mp3[i] == 0xFF and mp3[i + 1] & 0xE0 == 0xE0)
        header = struct.pack(">4sHHHII", b"VBRI", 1, 0, 0, len(mp3), vbri_frames)
        changed[start + 36 : start + 36 + len(header)] = header
    return bytes(changed)
