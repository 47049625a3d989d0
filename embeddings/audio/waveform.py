"""Reading recordings: mono samples at one rate, by blocks or by evenly spread crops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from core.errors import AudioDecodeError
from embeddings.audio.container import OpenRecording, Samples, opened

# Half of the CD rate: what tells styles apart lies below 11 kHz (and lossy files are often cut at
# 15 kHz anyway), while decoding, spectra and memory cost half as much.
SAMPLE_RATE_HZ = 22_050
BLOCK_S = 10.0  # mono at 192 kHz: 7.7 MB a block
SILENCE_PEAK = 1e-4  # -80 dBFS, three steps of a 16-bit sample: dither, not music


def stream(path: Path, sample_rate_hz: int = SAMPLE_RATE_HZ) -> Iterator[Samples]:
    """Decode a whole recording block by block.

    Args:
        path: Any file that libsndfile reads (wav, flac, ogg, opus, mp3, aiff, ...).
        sample_rate_hz: Rate of what is yielded.

    Yields:
        (n,) float32 mono, consecutive; memory does not grow with the length.

    Raises:
        AudioDecodeError: If the file is missing, empty, truncated, silent, not finite or no audio.
    """
    peak = 0.0
    with opened(path) as recording:
        resampler = soxr.ResampleStream(recording.rate_hz, sample_rate_hz, 1, dtype="float32")
        size = max(1, round(BLOCK_S * recording.rate_hz))
        for start in range(0, recording.frames, size):
            mono = recording.read(start, min(size, recording.frames - start))
            peak = max(peak, _peak(mono))
            yield resampler.resample_chunk(mono, last=start + size >= recording.frames)
    _refuse_silence(path, peak)


def decode(path: Path, limit_s: float = 600.0, sample_rate_hz: int = SAMPLE_RATE_HZ) -> Samples:
    """Decode the beginning of a recording.

    Args:
        path: The file.
        limit_s: Seconds after which decoding stops.
        sample_rate_hz: Rate of what is returned.

    Returns:
        (n,) float32 mono.

    Raises:
        AudioDecodeError: As `stream`; silence is judged only when the end is reached.
    """
    limit = round(limit_s * sample_rate_hz)
    parts: list[Samples] = []
    held = 0
    for part in stream(path, sample_rate_hz):
        parts.append(part)
        held += len(part)
        if held >= limit:
            break
    return np.concatenate(parts)[:limit]


def read_crops(
    path: Path, count: int, seconds: float, sample_rate_hz: int = SAMPLE_RATE_HZ
) -> Samples:
    """Read evenly spread crops, decoding only what they cover, and that once.

    Args:
        path: The file.
        count: Crops wanted, at least 1.
        seconds: Length of each.
        sample_rate_hz: Rate of what is returned.

    Returns:
        (count, round(seconds * sample_rate_hz)) float32; crops of a recording that is shorter
        than `count` crops overlap, and one shorter than a crop is repeated until it is full.

    Raises:
        AudioDecodeError: If the file is missing, empty, truncated, silent, not finite or no audio.
    """
    length = round(seconds * sample_rate_hz)
    crops = np.empty((count, length), dtype=np.float32)
    peak = 0.0
    with opened(path) as recording:
        size = min(recording.frames, round(seconds * recording.rate_hz))
        starts = crop_starts(recording.frames, size, count).tolist()
        for crop, mono in enumerate(_windows(recording, starts, size)):
            peak = max(peak, _peak(mono))
            if recording.rate_hz == sample_rate_hz:
                crops[crop] = np.resize(mono, length)
            else:
                crops[crop] = np.resize(
                    soxr.resample(mono, recording.rate_hz, sample_rate_hz), length
                )
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


def _windows(recording: OpenRecording, starts: Iterable[int], size: int) -> Iterator[Samples]:
    """Yield the window at each of ascending starts; what two windows share is read once."""
    held = np.empty(0, dtype=np.float32)
    held_start = 0
    for start in starts:
        shared = held[start - held_start :]
        fresh = recording.read(start + len(shared), size - len(shared))
        held = np.concatenate([shared, fresh]) if len(shared) else fresh
        held_start = start
        yield held


def _peak(mono: Samples) -> float:
    return float(np.abs(mono).max(initial=0.0))


def _refuse_silence(path: Path, peak: float) -> None:
    if peak < SILENCE_PEAK:
        level = f"{20 * np.log10(peak):.0f} dBFS" if peak > 0 else "digital zero"
        raise AudioDecodeError(path, f"is silent (peak {level})")
