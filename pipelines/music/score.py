"""A written piece: columns of notes and of drum hits, in seconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.music.attributes import TrackAttributes

Part: TypeAlias = Literal["lead", "pad", "bass"]

PARTS: tuple[Part, ...] = ("lead", "pad", "bass")
DRUMS = (
    "kick", "snare", "clap", "hat", "open", "ride", "crash",
    "tom_high", "tom_low", "shaker", "rim", "timpani",
)  # fmt: skip

NoteEvent: TypeAlias = tuple[float, float, int, float, Part]
HitEvent: TypeAlias = tuple[float, float, str]


@dataclass(frozen=True, slots=True, eq=False)
class Notes:
    """Pitched notes, ordered by start."""

    start_s: NDArray[np.float64]
    """(n,) seconds from the start of the piece."""
    duration_s: NDArray[np.float64]
    """(n,) seconds the key is held; the release comes after."""
    pitch: NDArray[np.int16]
    """(n,) MIDI pitch, 69 = 440 Hz."""
    velocity: NDArray[np.float32]
    """(n,) force, above 0 up to 1."""
    part: NDArray[np.int8]
    """(n,) index into `PARTS`; the attributes say which instrument plays the part."""

    @classmethod
    def from_events(cls, events: Iterable[NoteEvent]) -> "Notes":
        """Gather (start, duration, pitch, velocity, part) tuples into sorted columns."""
        rows = sorted(events)
        return cls(
            start_s=np.array([row[0] for row in rows], dtype=np.float64),
            duration_s=np.array([row[1] for row in rows], dtype=np.float64),
            pitch=np.array([row[2] for row in rows], dtype=np.int16),
            velocity=np.array([row[3] for row in rows], dtype=np.float32),
            part=np.array([PARTS.index(row[4]) for row in rows], dtype=np.int8),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Drum hits, ordered by start."""

    start_s: NDArray[np.float64]
    """(n,) seconds from the start of the piece."""
    velocity: NDArray[np.float32]
    """(n,) force, above 0 up to 1."""
    drum: NDArray[np.int8]
    """(n,) index into `DRUMS`."""

    @classmethod
    def from_events(cls, events: Iterable[HitEvent]) -> "Hits":
        """Gather (start, velocity, drum) tuples into sorted columns."""
        rows = sorted(events)
        return cls(
            start_s=np.array([row[0] for row in rows], dtype=np.float64),
            velocity=np.array([row[1] for row in rows], dtype=np.float32),
            drum=np.array([DRUMS.index(row[2]) for row in rows], dtype=np.int8),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """A whole piece, ready to be rendered."""

    attributes: TrackAttributes
    """What the piece was asked to be; names the instruments and the style of the mix."""
    notes: Notes
    hits: Hits
