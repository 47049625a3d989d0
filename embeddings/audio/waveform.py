"""Reading recordings: mono samples at one rate, by blocks or by evenly spread crops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from core.errors import AudioDecodeError

# Half of the CD rate: what tells styles apart lies below 11 kHz (and lossy files are often cut at
# 15 kHz anyway), while decoding, spectra and memory cost half as much.
SAMPLE_RATE_HZ = 22_050
BLOCK_S = 10.0  # one block of stereo float32 at 48 kHz is 3.8 MB
MIN_S = 0.5  # shorter is a sound effect, not a track, and holds too few frames to describe
SILENCE_PEAK = 1e-4  # -80 dBFS, three steps of a 16-bit sample: dither, not music
# Sound Vorbis files declare up to 224 frames (a short block) more than they decode to.
MISSING_S = 0.05
# A lossy frame needs its predecessors: after a seek libsndfile gives wrong sound for a while
# (measured on sines: up to 7,580 samples of mp3, 270 of ogg), so a seek lands this much early.
PRE_ROLL_FRAMES = 16_384  # 28 mp3 frames of 576 samples
# A gap up to which reading on replaces a seek. For mp3 it is long, because the decoder prints
# errors of its own after a seek, and a minute decodes in a tenth of a second.
_READ_ON_S = {"MP3": 60.0, "OGG": 1.0}
_RIFF_UNKNOWN = (0, 0xFFFF_FFFF)  # sizes that a streaming encoder leaves in the header

Samples = NDArray[np.float32]


class _Reader(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that does not seek behind every read.

    `soundfile` seeks to where it already is after each read of a seekable file, which resets the
    mp3 decoder: each block would begin with up to 0.5 s of wrong sound.
    """

    def seekable(self) -> bool:
        """Return False: only `_move` seeks, and it allows for what a seek breaks."""
        return False


def stream(path: Path) -> Iterator[Samples]:
    """Decode a whole recording block by block.

    Args:
        path: Any file that libsndfile reads (wav, flac, ogg, mp3, aiff, ...).

    Yields:
        (n,) float32 mono at `SAMPLE_RATE_HZ`, consecutive; memory does not grow with the length.

    Raises:
        AudioDecodeError: If the file is missing, empty, truncated, silent, not finite or no audio.
    """
    peak = 0.0
    with _opened(path) as file:
        resampler = soxr.ResampleStream(file.samplerate, SAMPLE_RATE_HZ, 1, dtype="float32")
        size = max(1, round(BLOCK_S * file.samplerate))
        for start in range(0, file.frames, size):
            mono = _read_mono(path, file, start, min(size, file.frames - start))
            peak = max(peak, float(np.abs(mono).max(initial=0.0)))
            yield resampler.resample_chunk(mono, last=start + size >= file.frames)
    _refuse_silence(path, peak)


def decode(path: Path, limit_s: float = 600.0) -> Samples:
    """Decode the beginning of a recording.

    Args:
        path: The file.
        limit_s: Seconds after which decoding stops.

    Returns:
        (n,) float32 mono at `SAMPLE_RATE_HZ`.

    Raises:
        AudioDecodeError: As `stream`; silence is judged only when the end is reached.
    """
    limit = round(limit_s * SAMPLE_RATE_HZ)
    parts: list[Samples] = []
    for part in stream(path):
        parts.append(part)
        if sum(len(each) for each in parts) >= limit:
            break
    return np.concatenate(parts)[:limit]


def read_crops(path: Path, count: int, seconds: float) -> Samples:
    """Read evenly spread crops, decoding only what they cover.

    Args:
        path: The file.
        count: Crops wanted, at least 1.
        seconds: Length of each.

    Returns:
        (count, round(seconds * SAMPLE_RATE_HZ)) float32; crops of a recording that is shorter
        than `count` crops overlap, and one shorter than a crop is repeated until it is full.

    Raises:
        AudioDecodeError: If the file is missing, empty, truncated, silent, not finite or no audio.
    """
    length = round(seconds * SAMPLE_RATE_HZ)
    crops = np.empty((count, length), dtype=np.float32)
    peak = 0.0
    with _opened(path) as file:
        size = min(file.frames, round(seconds * file.samplerate))
        for crop, start in enumerate(crop_starts(file.frames, size, count)):
            mono = _read_mono(path, file, int(start), size)
            peak = max(peak, float(np.abs(mono).max()))
            if file.samplerate != SAMPLE_RATE_HZ:
                mono = soxr.resample(mono, file.samplerate, SAMPLE_RATE_HZ)
            crops[crop] = np.resize(mono, length)
    _refuse_silence(path, peak)
    return crops


def crop_starts(frames: int, size: int, count: int) -> NDArray[np.int64]:
    """Return where crops begin: the first at 0, the last ending with the recording.

    Args:
        frames: Length of the recording.
        size: Length of a crop, at most `frames`.
        count: Crops wanted; a single one stands in the middle.

    Returns:
        (count,) ascending int64 in [0, frames - size].
    """
    room = frames - size
    if count == 1:
        return np.array([room // 2], dtype=np.int64)
    return np.floor(np.linspace(0, room, count)).astype(np.int64)


@contextmanager
def _opened(path: Path) -> Iterator[_Reader]:
    if not path.is_file():
        raise AudioDecodeError(path, "there is no such file")
    if path.stat().st_size == 0:
        raise AudioDecodeError(path, "is empty")
    try:
        file = _Reader(path)
    except (soundfile.SoundFileError, TypeError, OSError) as error:
        # TypeError: soundfile wants a rate for headerless ".raw", which we cannot know.
        raise AudioDecodeError(path, f"is not audio that can be read ({error})") from error
    with file:
        if file.frames < MIN_S * file.samplerate:
            length_s = file.frames / file.samplerate
            raise AudioDecodeError(path, f"is too short ({length_s:.2f} s, needs {MIN_S} s)")
        _refuse_cut_file(path)
        yield file


def _read_mono(path: Path, file: _Reader, start: int, size: int) -> Samples:
    try:
        _move(file, start)
        read = file.read(size, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise AudioDecodeError(path, f"breaks off at frame {start} ({error})") from error
    if len(read) < size - MISSING_S * file.samplerate:
        got = start + len(read)
        raise AudioDecodeError(path, f"is truncated ({got} of {file.frames} frames)")
    if not np.isfinite(read).all():
        raise AudioDecodeError(path, "holds samples that are not finite")
    return np.ascontiguousarray(read.mean(axis=1, dtype=np.float32))


def _move(file: _Reader, start: int) -> None:
    read_on_s = _READ_ON_S.get(file.format)
    gap = start - file.tell()
    if read_on_s is None:
        if gap:
            file.seek(start)
        return
    if not 0 <= gap <= read_on_s * file.samplerate:
        file.seek(max(0, start - PRE_ROLL_FRAMES))
    block = round(BLOCK_S * file.samplerate)
    while (gap := start - file.tell()) > 0:
        if not len(file.read(min(gap, block), dtype="float32")):
            return


def _refuse_silence(path: Path, peak: float) -> None:
    if peak < SILENCE_PEAK:
        level = f"{20 * np.log10(peak):.0f} dBFS" if peak > 0 else "digital zero"
        raise AudioDecodeError(path, f"is silent (peak {level})")


def _refuse_cut_file(path: Path) -> None:
    """Compare what a container says of its length with the file; libsndfile forgives both."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(max(0, size - 65_536))  # an Ogg page is at most 65,307 bytes
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
