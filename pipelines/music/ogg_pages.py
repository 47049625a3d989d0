"""Ogg pages: a fixed serial number for the stream, so that equal sound is an equal file.

Encoders draw the serial number of a logical stream at random (RFC 3533, section 4), and the number
stands in every page and in its checksum.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from core.errors import DataError

CAPTURE = b"OggS"
HEADER_BYTES = 27  # then one length byte a segment
SERIAL_AT, CHECKSUM_AT, SEGMENTS_AT = 14, 22, 26
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def pin_serial(path: Path, serial: int = 1) -> None:
    """Give the stream of an Ogg file a serial number; the sound stays as it is.

    Args:
        path: A file with one logical stream; it is replaced in one step.
        serial: 0 to 2**32 - 1.

    Raises:
        DataError: If it is not a whole Ogg file.
    """
    pages = bytearray(path.read_bytes())
    start = 0
    while start < len(pages):
        end = _page_end(pages, start, path)
        struct.pack_into("<I", pages, start + SERIAL_AT, serial)
        struct.pack_into("<I", pages, start + CHECKSUM_AT, 0)
        struct.pack_into("<I", pages, start + CHECKSUM_AT, checksum(pages[start:end]))
        start = end
    partial = path.with_name(f".{path.name}.pinned")
    partial.write_bytes(pages)
    partial.replace(path)


def checksum(page: bytes | bytearray) -> int:
    """Return the checksum of a page whose own checksum field is zero.

    Polynomial 0x04c11db7, nothing reflected, nothing inverted (RFC 3533, section 6). zlib computes
    the reflected and inverted one, so the bits are turned round before and after.
    """
    turned = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{turned:032b}"[::-1], 2)


def _page_end(pages: bytearray, start: int, path: Path) -> int:
    if pages[start : start + 4] != CAPTURE or start + HEADER_BYTES > len(pages):
        raise DataError(f"{path} is not a whole Ogg file: no page at byte {start}; render it again")
    segments = pages[start + SEGMENTS_AT]
    body = start + HEADER_BYTES + segments
    end = body + sum(pages[start + HEADER_BYTES : body])
    if end > len(pages):
        raise DataError(f"{path} is not a whole Ogg file: its last page is cut; render it again")
    return end
