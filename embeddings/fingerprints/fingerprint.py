"""Fingerprints: a few kilobytes that tell whether two files hold the same recording."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from embeddings.audio.container import Samples, opened
from embeddings.audio.waveform import SAMPLE_RATE_HZ, decode
from embeddings.fingerprints.clipping import crest_db
from embeddings.fingerprints.constellation import (
    FRAMES_PER_S,
    Constellation,
    constellation,
    spectra,
)
from embeddings.fingerprints.envelope import N_BANDS, envelope
from embeddings.fingerprints.landmarks import SKETCH, Sketch, sketch

VERSION = 1
"""Changes with anything that makes fingerprints of two versions incomparable."""
LIMIT_S = 120.0  # described from the beginning; 10.6 MB of samples, whatever the length
PITCH_STEPS = 4000  # an octave, 0.02 %: the speed of a copy is read off differences of pitch
_HEADER = struct.Struct("<BdfHHH")  # version, seconds, crest, hashes, peaks, steps of levels


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What is kept of a recording to know it again.

    Args:
        duration_s: Length of the whole recording.
        crest: How far its peaks stand above its mean power, decibels.
        peaks: Where it is most salient, in its first `LIMIT_S`.
        landmarks: A sample of hashes by which it is found.
        levels: (steps, N_BANDS) uint8, see `envelope`.
    """

    duration_s: float
    crest: float
    peaks: Constellation
    landmarks: Sketch
    levels: NDArray[np.uint8]

    @property
    def described_s(self) -> float:
        """Return how much of the recording the peaks are taken from."""
        return min(self.duration_s, LIMIT_S)

    def to_bytes(self) -> bytes:
        """Return the fingerprint as it is stored, about 4 kB for 30 s and more.

        Landmarks stand in front as they are (hashes do not compress), so that an index of them is
        built without opening the rest.
        """
        sizes = (len(self.landmarks.hashes), len(self.peaks), len(self.levels))
        hashes = self.landmarks.hashes.astype("<u4").tobytes()
        frames = self.landmarks.frames.astype("<u2").tobytes()
        rest = (
            np.diff(self.peaks.frames, prepend=0).astype("<u2"),
            np.round(self.peaks.pitches * PITCH_STEPS).astype("<u2"),
            # Differences between steps are small, so they are stored in half the space.
            np.diff(self.levels, axis=0, prepend=np.uint8(0)),
        )
        head = _HEADER.pack(VERSION, self.duration_s, self.crest, *sizes)
        body = zlib.compress(b"".join(column.tobytes() for column in rest), 6)
        return head + hashes + frames + body

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprint:
        """Read a stored fingerprint.

        Raises:
            DataError: If it is of another version, or damaged.
        """
        landmarks = stored_landmarks(data)
        _, duration_s, crest, n_hashes, n_peaks, n_steps = _HEADER.unpack_from(data)
        try:
            body = zlib.decompress(data[_HEADER.size + 6 * n_hashes :])
            gaps = np.frombuffer(body, "<u2", n_peaks)
            pitches = np.frombuffer(body, "<u2", n_peaks, 2 * n_peaks)
            changes = np.frombuffer(body, np.uint8, n_steps * N_BANDS, 4 * n_peaks)
        except (zlib.error, ValueError) as error:
            raise _damaged(error) from error
        peaks = Constellation(
            np.cumsum(gaps, dtype=np.int64).astype(np.float64),
            pitches.astype(np.float64) / PITCH_STEPS,
        )
        levels = np.cumsum(changes.reshape(n_steps, N_BANDS), axis=0, dtype=np.uint8)
        return cls(duration_s, crest, peaks, landmarks, levels)


def stored_landmarks(data: bytes) -> Sketch:
    """Return the landmarks of a stored fingerprint, reading nothing else.

    Raises:
        DataError: If it is of another version, or damaged.
    """
    try:
        version, _, _, n_hashes, _, _ = _HEADER.unpack_from(data)
        if version != VERSION:
            raise DataError(
                f"a fingerprint has version {version}, this program reads {VERSION}; "
                "fingerprint the recordings again"
            )
        hashes = np.frombuffer(data, "<u4", n_hashes, _HEADER.size)
        frames = np.frombuffer(data, "<u2", n_hashes, _HEADER.size + 4 * n_hashes)
    except (struct.error, ValueError) as error:
        raise _damaged(error) from error
    return Sketch(hashes.astype(np.uint32), frames.astype(np.uint16))


def fingerprint(samples: Samples, duration_s: float | None = None) -> Fingerprint:
    """Describe a recording.

    Args:
        samples: (n,) mono at `SAMPLE_RATE_HZ`, its beginning up to `LIMIT_S`.
        duration_s: Length of the whole recording; that of the samples where None.
    """
    whole_s = len(samples) / SAMPLE_RATE_HZ if duration_s is None else duration_s
    samples = samples[: round(LIMIT_S * SAMPLE_RATE_HZ)]
    power = spectra(samples)
    peaks = _as_stored(constellation(power))
    crest = float(np.float32(crest_db(samples)))
    return Fingerprint(whole_s, crest, peaks, sketch(peaks, SKETCH), envelope(power))


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


def _damaged(error: Exception) -> DataError:
    return DataError(f"a fingerprint is damaged ({error}); fingerprint the recording again")


assert LIMIT_S * FRAMES_PER_S < 1 << 14  # frames fit the postings of the index
