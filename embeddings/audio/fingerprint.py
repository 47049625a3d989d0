"""Fingerprints: a few kilobytes that tell whether two files hold the same recording."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from embeddings.audio.constellation import FRAMES_PER_S, Constellation, constellation, spectra
from embeddings.audio.container import Samples, opened
from embeddings.audio.envelope import N_BANDS, envelope
from embeddings.audio.landmarks import SKETCH, Sketch, sketch
from embeddings.audio.waveform import SAMPLE_RATE_HZ, decode

VERSION = 1
"""Changes with anything that makes fingerprints of two versions incomparable."""
LIMIT_S = 120.0  # described from the beginning; 10.6 MB of samples, whatever the length
PITCH_STEPS = 400  # a octave; peaks of a copy agree within 1/72
_HEADER = struct.Struct("<BdHHH")  # version, seconds, peaks, hashes, steps of the envelope


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What is kept of a recording to know it again.

    Args:
        duration_s: Length of the whole recording.
        peaks: Where it is most salient, in its first `LIMIT_S`.
        landmarks: A sample of hashes by which it is found.
        levels: (steps, N_BANDS) uint8, see `envelope`.
    """

    duration_s: float
    peaks: Constellation
    landmarks: Sketch
    levels: NDArray[np.uint8]

    @property
    def described_s(self) -> float:
        """Return how much of the recording the peaks are taken from."""
        return min(self.duration_s, LIMIT_S)

    def to_bytes(self) -> bytes:
        """Return the fingerprint as it is stored, about 4 kB for 30 s and more."""
        columns = (
            np.diff(self.peaks.frames, prepend=0).astype("<u2"),
            np.round(self.peaks.pitches * PITCH_STEPS).astype("<u2"),
            self.landmarks.hashes.astype("<u4"),
            self.landmarks.frames.astype("<u2"),
            # Level differences between steps are small, so they are stored in half the space.
            np.diff(self.levels, axis=0, prepend=np.uint8(0)),
        )
        sizes = (len(self.peaks), len(self.landmarks.hashes), len(self.levels))
        head = _HEADER.pack(VERSION, self.duration_s, *sizes)
        return head + zlib.compress(b"".join(column.tobytes() for column in columns), 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprint:
        """Read a stored fingerprint.

        Raises:
            DataError: If it is of another version, or damaged.
        """
        try:
            version, duration_s, n_peaks, n_hashes, n_steps = _HEADER.unpack_from(data)
            if version != VERSION:
                raise DataError(
                    f"a fingerprint has version {version}, this program reads {VERSION}; "
                    "fingerprint the recordings again"
                )
            body = zlib.decompress(data[_HEADER.size :])
            return _parsed(body, duration_s, n_peaks, n_hashes, n_steps)
        except (struct.error, zlib.error, ValueError) as error:
            raise DataError(
                f"a fingerprint is damaged ({error}); fingerprint the recording again"
            ) from error


def fingerprint(samples: Samples, duration_s: float | None = None) -> Fingerprint:
    """Describe a recording.

    Args:
        samples: (n,) mono at `SAMPLE_RATE_HZ`, its beginning up to `LIMIT_S`.
        duration_s: Length of the whole recording; that of the samples where None.
    """
    power = spectra(samples[: round(LIMIT_S * SAMPLE_RATE_HZ)])
    peaks = _as_stored(constellation(power))
    whole_s = len(samples) / SAMPLE_RATE_HZ if duration_s is None else duration_s
    return Fingerprint(whole_s, peaks, sketch(peaks, SKETCH), envelope(power))


def fingerprint_file(path: Path) -> Fingerprint:
    """Describe a recording; only its first `LIMIT_S` are decoded.

    Raises:
        AudioDecodeError: If they cannot be read as sound.
    """
    with opened(path) as recording:
        duration_s = recording.frames / recording.rate_hz
    return fingerprint(decode(path, LIMIT_S), duration_s)


def _as_stored(peaks: Constellation) -> Constellation:
    """Return peaks at the precision that is stored, so that a fresh fingerprint is a stored one."""
    steps = np.maximum(0.0, np.round(peaks.pitches * PITCH_STEPS))
    return Constellation(peaks.frames, steps / PITCH_STEPS)


def _parsed(
    body: bytes, duration_s: float, n_peaks: int, n_hashes: int, n_steps: int
) -> Fingerprint:
    types = ("<u2", n_peaks), ("<u2", n_peaks), ("<u4", n_hashes), ("<u2", n_hashes)
    columns, at = [], 0
    for kind, count in (*types, ("u1", n_steps * N_BANDS)):
        columns.append(np.frombuffer(body, kind, count, at))
        at += columns[-1].nbytes
    gaps, pitches, hashes, frames, changes = columns
    peaks = Constellation(
        np.cumsum(gaps, dtype=np.int64).astype(np.float64),
        pitches.astype(np.float64) / PITCH_STEPS,
    )
    levels = np.cumsum(changes.reshape(n_steps, N_BANDS), axis=0, dtype=np.uint8)
    landmarks = Sketch(hashes.astype(np.uint32), frames.astype(np.uint16))
    return Fingerprint(duration_s, peaks, landmarks, levels)


assert LIMIT_S * FRAMES_PER_S < 1 << 14  # frames fit the postings of the index
