"""Recordings below the audio root: where they lie, what they are, and which bytes of them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

CHUNK_BYTES = 256 * 1024
MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
}
UNKNOWN_MEDIA_TYPE = "application/octet-stream"

# RFC 9110 §14.1.2, one range; more digits than these are no file's size.
_ONE_RANGE = re.compile(r"^\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*$", re.IGNORECASE)


class ByteRange(NamedTuple):
    """Bytes `start` to `end`, the end left out."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.end - self.start


class UnsatisfiableRangeError(Exception):
    """No byte of the recording lies in the range asked for."""


class Recording(NamedTuple):
    """An open recording."""

    file: BinaryIO
    size: int
    media_type: str
    etag: str


def locate(root: Path, audio_path: str) -> Path | None:
    """Return where a recording lies, or None where its path leaves the root.

    Links are followed first: one that leads out of the root is refused too.

    Args:
        root: The audio folder.
        audio_path: The path the store names, relative to it.
    """
    if "\x00" in audio_path:
        return None
    path = (root / audio_path).resolve()
    return path if path.is_relative_to(root.resolve()) else None


def open_recording(path: Path) -> Recording:
    """Open a recording; what is read later is the file that was described.

    Raises:
        OSError: If it is not a file that can be read.
    """
    file = path.open("rb")
    state = os.fstat(file.fileno())
    identity = f"{state.st_size}-{state.st_mtime_ns}-{state.st_ino}"
    etag = hashlib.blake2b(identity.encode(), digest_size=12).hexdigest()
    media_type = MEDIA_TYPES.get(path.suffix.lower(), UNKNOWN_MEDIA_TYPE)
    return Recording(file, state.st_size, media_type, f'"{etag}"')


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """Return the range a `Range` header asks for, or None where the whole is to be sent.

    A header that cannot be read, or that asks for several ranges, is ignored, as RFC 9110 §14.2
    allows.

    Args:
        header: The header's value.
        size: Bytes of the recording.

    Raises:
        UnsatisfiableRangeError: If the range lies outside of the recording.

    Examples:
        >>> parse_range("bytes=2-5", 10)
        ByteRange(start=2, end=6)
        >>> parse_range("bytes=-3", 10)
        ByteRange(start=7, end=10)
    """
    found = _ONE_RANGE.match(header or "")
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return _within(max(size - int(last), 0), size, size)
    if last and int(last) < int(first):
        return None
    return _within(int(first), int(last) + 1 if last else size, size)


def _within(start: int, end: int, size: int) -> ByteRange:
    if start >= size:
        raise UnsatisfiableRangeError
    return ByteRange(start, min(end, size))


def names_etag(header: str, etag: str) -> bool:
    """Return whether an `If-None-Match` header names the ETag (weak comparison)."""
    named = [part.strip().removeprefix("W/") for part in header.split(",")]
    return "*" in named or etag in named


def read_bytes(file: BinaryIO, wanted: ByteRange) -> Iterator[bytes]:
    """Yield the bytes of a range, closing the file at the end."""
    with file:
        file.seek(wanted.start)
        left = wanted.length
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
