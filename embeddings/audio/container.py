"""Sound files as they really are: opened by what they hold, with a length that can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.errors import AudioDecodeError
from embeddings.audio.mpeg import DeclaredFile, Undeclared, find_undeclared

MIN_S = 0.5  # shorter is a sound effect, not a track, and holds too few frames to describe
# A damaged header may ask for any rate and any number of channels, and the buffers to match.
MIN_RATE_HZ = 4_000
MAX_RATE_HZ = 384_000
MAX_CHANNELS = 64
# A float file may pass full scale; 60 dB above it is a damaged exponent or another unit, and its
# power would overflow a spectrum.
MAX_PEAK = 1e3
# Sound Vorbis files declare up to 224 frames (a short block) more than they decode to.
MISSING_S = 0.05
READ_VALUES = 1 << 20  # 4 MB of float32 a read, however many channels there are
# A lossy frame needs its predecessors: after a seek libsndfile gives wrong sound for a while
# (measured on sines: up to 7,580 samples of mp3, 270 of ogg), so a seek lands this much early.
PRE_ROLL_FRAMES = 16_384  # 28 mp3 frames of 576 samples
# A gap up to which reading on replaces a seek. For mp3 it is long, because the decoder prints
# errors of its own after a seek, and a minute decodes in a tenth of a second.
_READ_ON_S = {"MP3": 60.0, "OGG": 1.0}
_UNKNOWN_FRAMES = 1 << 62  # libsndfile says 2**63 - 1 of a FLAC stream that was never finished
_RIFF_UNKNOWN = (0, 0xFFFF_FFFF)  # sizes that a streaming encoder leaves in the header
_OGG_PAGE_BYTES = 65_536  # a page is at most 65,307 bytes

Samples = NDArray[np.float32]


class _Reader(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that does not seek behind every read.

    `soundfile` seeks to where it already is after each read of a seekable file, which resets the
    mp3 decoder: each block would begin with up to 0.5 s of wrong sound.
    """

    def seekable(self) -> bool:
        """Return False: only `SoundFile.read` seeks, and it allows for what a seek breaks."""
        return False


class OpenRecording:
    """A recording that is being read; made by `opened`.

    Attributes:
        path: The file.
        rate_hz: Samples a second of each channel.
        frames: Its length in samples of one channel.
    """

    def __init__(self, path: Path, reader: soundfile.SoundFile) -> None:
        self.path = path
        self.rate_hz = int(reader.samplerate)
        self._reader = reader
        self._block = max(1, READ_VALUES // reader.channels)
        self.frames = self._length()

    def read(self, start: int, size: int) -> Samples:
        """Return a part, its channels mixed to one.

        Args:
            start: Where it begins, in samples.
            size: Its length; at the very end up to `MISSING_S` may be missing.

        Returns:
            (size,) float32.

        Raises:
            AudioDecodeError: If the file breaks off, or holds what is no sound.
        """
        mixed = np.empty(size, dtype=np.float32)
        filled = 0
        try:
            self._move(start)
            while filled < size and (read := self._read_block(mixed[filled:])):
                filled += read
        except soundfile.SoundFileError as error:
            raise self._broken_off(start + filled, error) from error
        self._refuse_truncated(start + filled, start + size)
        return mixed[:filled]

    def read_channels(self, size: int) -> Samples:
        """Return the beginning with its channels apart; nothing may have been read before.

        Args:
            size: Samples of each channel; at the very end up to `MISSING_S` may be missing.

        Returns:
            (size, channels) float32.

        Raises:
            AudioDecodeError: As `read`.
        """
        values = np.empty((size, self._reader.channels), dtype=np.float32)
        filled = 0
        try:
            while filled < size:
                wanted = values[filled : filled + self._block]
                block = self._reader.read(dtype="float32", always_2d=True, out=wanted)
                if not len(block):
                    break
                self._refuse_no_sound(block)
                filled += len(block)
        except soundfile.SoundFileError as error:
            raise self._broken_off(filled, error) from error
        self._refuse_truncated(filled, size)
        return values[:filled]

    def _broken_off(self, frame: int, error: Exception) -> AudioDecodeError:
        return AudioDecodeError(self.path, f"breaks off at frame {frame} ({_said(error)})")

    def _refuse_truncated(self, end: int, wanted: int) -> None:
        if end < wanted - MISSING_S * self.rate_hz:
            raise AudioDecodeError(self.path, f"is truncated ({end} of {self.frames} frames)")

    def _read_block(self, mixed: Samples) -> int:
        """Fill the beginning of an array with the next samples, and return how many."""
        if self._reader.channels == 1:  # without a buffer between: threads share one allocator
            mono = self._reader.read(dtype="float32", out=mixed[: self._block])
            self._refuse_no_sound(mono)
            return len(mono)
        size = min(len(mixed), self._block)
        block = self._reader.read(size, dtype="float32", always_2d=True)
        self._refuse_no_sound(block)
        # Column by column: numpy takes the mean of short rows twenty times slower.
        mono = mixed[: len(block)]
        mono[:] = block[:, 0]
        for channel in range(1, block.shape[1]):
            mono += block[:, channel]
        mono /= block.shape[1]
        return len(block)

    def _refuse_no_sound(self, values: Samples) -> None:
        peak = float(max(values.max(initial=0.0), -values.min(initial=0.0)))
        if not peak <= MAX_PEAK:  # also where it is NaN
            reason = f"peaks at {peak:.3g}, and full scale is 1" if np.isfinite(peak) else ""
            raise AudioDecodeError(self.path, reason or "holds samples that are not finite")

    def _move(self, start: int) -> None:
        reader = self._reader
        read_on_s = _READ_ON_S.get(reader.format)
        gap = start - reader.tell()
        if read_on_s is None:
            if gap:
                reader.seek(start)
            return
        if not 0 <= gap <= read_on_s * self.rate_hz:
            reader.seek(max(0, start - PRE_ROLL_FRAMES))
        while (gap := start - reader.tell()) > 0:
            if not len(reader.read(min(gap, self._block), dtype="float32")):
                return

    def _length(self) -> int:
        declared = int(self._reader.frames)
        if declared < _UNKNOWN_FRAMES:
            return declared
        frames = 0
        while read := len(self._reader.read(self._block, dtype="float32", always_2d=True)):
            frames += read
        self._reader.seek(0)
        return frames


@contextmanager
def opened(path: Path) -> Iterator[OpenRecording]:
    """Open a recording, whatever its name says of its format.

    Args:
        path: Any file that libsndfile reads (wav, flac, ogg, opus, mp3, aiff, ...).

    Raises:
        AudioDecodeError: If the file is missing, empty, too short, cut off or no audio.
    """
    if not path.is_file():
        raise AudioDecodeError(path, "there is no such file")
    if path.stat().st_size == 0:
        raise AudioDecodeError(path, "is empty")
    with ExitStack() as stack:
        try:
            # By its descriptor: given a name, libsndfile falls back on the suffix, and any text
            # called ".vox" or ".gsm" is sound to it.
            handle = stack.enter_context(path.open("rb"))
            reader = stack.enter_context(_Reader(handle.fileno(), closefd=False))
            if reader.format == "MP3" and (stream := _undeclared(path)):
                reader = stack.enter_context(_Reader(DeclaredFile(handle, stream)))
            _refuse_odd_shape(path, reader)
            _refuse_cut_file(path)
            recording = OpenRecording(path, reader)
        except (soundfile.SoundFileError, OSError) as error:
            reason = f"is not audio that can be read ({_said(error)})"
            raise AudioDecodeError(path, reason) from error
        _refuse_short(recording)
        yield recording


def _undeclared(path: Path) -> Undeclared | None:
    stream = find_undeclared(path)
    if stream is not None and stream.frames < stream.declared - 1:
        reason = f"is truncated ({stream.frames} of {stream.declared} MPEG frames)"
        raise AudioDecodeError(path, reason)
    return stream


def _said(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).rstrip(".")


def _refuse_odd_shape(path: Path, reader: soundfile.SoundFile) -> None:
    if not MIN_RATE_HZ <= reader.samplerate <= MAX_RATE_HZ:
        limits = f"{MIN_RATE_HZ} to {MAX_RATE_HZ}"
        raise AudioDecodeError(path, f"declares {reader.samplerate} samples a second, not {limits}")
    if reader.channels > MAX_CHANNELS:
        raise AudioDecodeError(path, f"declares {reader.channels} channels, over {MAX_CHANNELS}")


def _refuse_short(recording: OpenRecording) -> None:
    if recording.frames < MIN_S * recording.rate_hz:
        length_s = recording.frames / recording.rate_hz
        raise AudioDecodeError(recording.path, f"is too short ({length_s:.2f} s, needs {MIN_S} s)")


def _refuse_cut_file(path: Path) -> None:
    """Compare what a container says of its length with the file; libsndfile forgives both."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(max(0, size - _OGG_PAGE_BYTES))
        tail = file.read()
    declared = int.from_bytes(head[4:8], "little")
    if head[:4] == b"RIFF" and declared not in _RIFF_UNKNOWN and size < declared + 8:
        raise AudioDecodeError(path, f"is truncated ({size} of {declared + 8} bytes)")
    if head[:4] == b"OggS" and not _ends_stream(tail):
        raise AudioDecodeError(path, "is truncated (its last Ogg page does not end the stream)")


def _ends_stream(tail: bytes) -> bool:
    page = tail.rfind(b"OggS")
    # Byte 5 of a page holds flags; bit 2 marks the last page (RFC 3533, section 6).
    return page >= 0 and len(tail) > page + 5 and bool(tail[page + 5] & 0x04)
