"""The length of an MPEG audio stream, the one format whose header need not declare it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# kbit/s by index, where 0 is "free" and 15 forbidden; ISO/IEC 11172-3 and 13818-3, layer III only:
# hardly any music is published as layer I or II.
_KBITS_MPEG_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_MPEG_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
# Version bits -> sample rates: 0 is MPEG 2.5, 2 is MPEG 2, 3 is MPEG 1, and 1 is reserved.
_RATES_HZ = {0: (11_025, 12_000, 8_000), 2: (22_050, 24_000, 16_000), 3: (44_100, 48_000, 32_000)}
_MPEG_1 = 3
_LAYER_III = 1
_HEADER_BYTES = 4
_JUNK_BYTES = 65_536  # libmpg123 gives up searching for a header after as many
_VBRI_AT = _HEADER_BYTES + 32  # the Fraunhofer header; its count of frames is 14 bytes further


@dataclass(frozen=True, slots=True)
class Frame:
    """What one frame header says.

    Attributes:
        stream: Version and sample rate, which no frame of a stream changes.
        size: Bytes up to the next header.
        samples: Samples of one channel, 1152 or 576.
    """

    stream: tuple[int, int]
    size: int
    samples: int


@dataclass(frozen=True, slots=True)
class MpegLength:
    """How long a stream is.

    Attributes:
        present: Samples in the whole frames that are there.
        declared: Samples that a VBRI header declares; `present` where there is none.
    """

    present: int
    declared: int


def undeclared_length(path: Path) -> MpegLength | None:
    """Count the frames of a layer III stream that has no Xing or Info header.

    A decoder guesses the length of such a stream from the size of the file and its first frame,
    and artwork at the end or a changing bit rate make the guess wrong.

    Args:
        path: A file that decodes as MPEG audio; memory does not grow with its size.

    Returns:
        Its length; None where the decoder need not guess, or where no frame is found.
    """
    with path.open("rb") as file:
        at = _next_frame(file, _tag_bytes(file))
        if at is None:
            return None
        first = _frame_at(file, at)
        assert first is not None
        file.seek(at)
        data = file.read(first.size)
        if b"Xing" in data or b"Info" in data:
            return None
        present = _count(file, at, first.stream) * first.samples
    if data[_VBRI_AT : _VBRI_AT + 4] != b"VBRI":
        return MpegLength(present, present)
    declared = int.from_bytes(data[_VBRI_AT + 14 : _VBRI_AT + 18], "big")
    return MpegLength(present, declared * first.samples)


def parse_header(header: bytes) -> Frame | None:
    """Read a frame header of four bytes; None if it is none of layer III."""
    if len(header) < _HEADER_BYTES or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate, bits = header[2] >> 2 & 3, header[2] >> 4
    if layer != _LAYER_III or version not in _RATES_HZ or rate == 3 or bits in {0, 15}:
        return None
    rate_hz = _RATES_HZ[version][rate]
    samples = 1152 if version == _MPEG_1 else 576
    kbits = (_KBITS_MPEG_1 if version == _MPEG_1 else _KBITS_MPEG_2)[bits]
    padding = header[2] >> 1 & 1
    return Frame((version, rate_hz), samples // 8 * kbits * 1000 // rate_hz + padding, samples)


def _count(file: BinaryIO, at: int, stream: tuple[int, int]) -> int:
    """Return how many whole frames of a stream follow, junk between them left out."""
    frames = 0
    end = file.seek(0, 2)
    while True:
        frame = _frame_at(file, at)
        if frame is None or frame.stream != stream:
            following = _next_frame(file, at + 1)
            if following is None:
                return frames
            at = following
        elif at + frame.size > end:
            return frames
        else:
            frames += 1
            at += frame.size


def _next_frame(file: BinaryIO, start: int) -> int | None:
    """Return where the next frame begins that another one follows: a sync word alone is chance."""
    file.seek(start)
    junk = file.read(_JUNK_BYTES)
    at = junk.find(0xFF)
    while at >= 0:
        frame = parse_header(junk[at : at + _HEADER_BYTES])
        if frame is not None:
            following = _frame_at(file, start + at + frame.size)
            if following is not None and following.stream == frame.stream:
                return start + at
        at = junk.find(0xFF, at + 1)
    return None


def _frame_at(file: BinaryIO, at: int) -> Frame | None:
    file.seek(at)
    return parse_header(file.read(_HEADER_BYTES))


def _tag_bytes(file: BinaryIO) -> int:
    """Return the size of the ID3v2 tag in front, 0 if there is none (its size has 7-bit bytes)."""
    head = file.read(10)
    if head[:3] != b"ID3":
        return 0
    a, b, c, d = (byte & 0x7F for byte in head[6:10])
    return 10 + (a << 21 | b << 14 | c << 7 | d)
