"""MPEG audio that does not say how long it is: counted, and read with a header that does."""

from __future__ import annotations

import os
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
_ROOMY_RATE = 9  # index of 128 or 80 kbit/s: 240 bytes at least, and a header needs 48
_HAS_FRAMES = 1  # the first field of a Xing header, which says what it holds
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
class Undeclared:
    """A layer III stream without a Xing or Info header.

    Attributes:
        start: Bytes in front of its first frame.
        frames: Whole frames that are there.
        declared: Frames that a VBRI header declares; `frames` where there is none.
        header: A silent frame that declares them in the way decoders read.
    """

    start: int
    frames: int
    declared: int
    header: bytes


class DeclaredFile:
    """A file object that reads a stream with the header it lacks in front.

    Args:
        file: The file, open for reading.
        stream: What is known of it.
    """

    def __init__(self, file: BinaryIO, stream: Undeclared) -> None:
        self._file = file
        self._header = stream.header
        self._start = stream.start
        self._size = len(stream.header) + file.seek(0, os.SEEK_END) - stream.start
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return where to."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._at

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer at the end."""
        data = self._header[self._at : self._at + size]
        if len(data) < size:
            self._file.seek(self._start + max(0, self._at - len(self._header)))
            data += self._file.read(size - len(data))
        self._at += len(data)
        return data


def find_undeclared(path: Path) -> Undeclared | None:
    """Count the frames of a stream whose length a decoder would have to guess.

    It would guess from the size of the file and the first frame: artwork at the end makes that too
    much, a changing bit rate too much or too little, and sound beyond the guess is never given.

    Args:
        path: A file that decodes as MPEG audio; memory does not grow with its size.

    Returns:
        The stream; None where it declares its length, or where no frame is found.
    """
    with path.open("rb") as file:
        start = _next_frame(file, _tag_bytes(file))
        if start is None:
            return None
        file.seek(start)
        head = file.read(_HEADER_BYTES)
        first = parse_header(head)
        assert first is not None
        data = head + file.read(first.size - _HEADER_BYTES)
        if b"Xing" in data or b"Info" in data:
            return None
        frames = _count(file, start, first.stream)
    declared = frames
    if data[_VBRI_AT : _VBRI_AT + 4] == b"VBRI":
        declared = int.from_bytes(data[_VBRI_AT + 14 : _VBRI_AT + 18], "big")
    return Undeclared(start, frames, declared, _declaring(head, frames))


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


def _declaring(head: bytes, frames: int) -> bytes:
    """Return a frame of silence with a Xing header, like the given frame but for its bit rate."""
    like = bytes([head[0], head[1] | 1, (head[2] & 0x0C) | _ROOMY_RATE << 4, head[3]])
    frame = parse_header(like)
    assert frame is not None
    is_mono = head[3] >> 6 == 3
    side_bytes = (17 if is_mono else 32) if frame.stream[0] == _MPEG_1 else (9 if is_mono else 17)
    tag = b"Xing" + _HAS_FRAMES.to_bytes(4, "big") + frames.to_bytes(4, "big")
    return (like + bytes(side_bytes) + tag).ljust(frame.size, b"\0")


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
