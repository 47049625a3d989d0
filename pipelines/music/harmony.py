"""Chords: roman numerals to pitch classes, and voicings that move as little as possible."""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Literal, TypeAlias

from core.errors import DataError
from pipelines.music.attributes import Mode

Colour: TypeAlias = Literal["triad", "seventh", "power"]

SCALES: dict[Mode, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}

_DEGREES = {"i": 0, "ii": 1, "iii": 2, "iv": 3, "v": 4, "vi": 5, "vii": 6}
_NUMERAL = re.compile(r"^(b?)([ivIV]+)(o?)$")
_DOMINANT_SEVENTHS = {("major", 4), ("minor", 4), ("minor", 6)}


@dataclass(frozen=True, slots=True)
class Chord:
    """A root and the intervals that stand on it."""

    root: int
    """Pitch class, 0 = C."""
    intervals: tuple[int, ...]
    """Semitones above the root, the first is 0."""

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """The tones as pitch classes, root first."""
        return tuple((self.root + step) % 12 for step in self.intervals)


def read_progression(text: str, key: int, mode: Mode, colour: Colour = "triad") -> list[Chord]:
    """Turn roman numerals into chords of a key.

    Args:
        text: Numerals joined by hyphens; upper case is major, lower case minor, `o` diminished,
            a leading `b` lowers the root by a semitone.
        key: Pitch class of the tonic, 0 to 11.
        mode: Scale from which the roots are taken.
        colour: `triad`, `seventh` (a fourth tone) or `power` (root, fifth, octave).

    Returns:
        One chord a numeral.

    Raises:
        DataError: if a numeral cannot be read.
    """
    return [_read_numeral(numeral, key, mode, colour) for numeral in text.split("-")]


def _read_numeral(numeral: str, key: int, mode: Mode, colour: Colour) -> Chord:
    found = _NUMERAL.match(numeral)
    degree = _DEGREES.get(found.group(2).lower()) if found else None
    if found is None or degree is None:
        raise DataError(f"chord {numeral!r} is not a roman numeral: write chords such as I-vi-IV-V")
    root = (key + SCALES[mode][degree] - len(found.group(1))) % 12
    if colour == "power":
        return Chord(root, (0, 7, 12))
    is_major = found.group(2).isupper()
    triad = (0, 3, 6) if found.group(3) else (0, 4 if is_major else 3, 7)
    if colour == "triad":
        return Chord(root, triad)
    has_major_seventh = is_major and (mode, degree) not in _DOMINANT_SEVENTHS
    return Chord(root, (*triad, 11 if has_major_seventh else 10))


def lead_voices(
    chords: list[Chord], centre: int, first: tuple[int, ...] = ()
) -> list[tuple[int, ...]]:
    """Voice a chain of chords so that each hand position follows from the one before.

    Args:
        chords: The chords in playing order.
        centre: MIDI pitch around which the hand stays.
        first: Voicing that came just before, if any.

    Returns:
        MIDI pitches of each chord, ascending.
    """
    voiced: list[tuple[int, ...]] = []
    previous = first
    for chord in chords:
        choices = _voicings(chord, centre)
        previous = min(choices, key=lambda pitches: _effort(pitches, previous, centre))
        voiced.append(previous)
    return voiced


@lru_cache(maxsize=4096)
def _voicings(chord: Chord, centre: int) -> list[tuple[int, ...]]:
    if 12 in chord.intervals:  # a power chord is root, fifth and octave: it is never inverted
        root = centre - 6 + (chord.root - centre + 6) % 12
        return [tuple(root + step for step in chord.intervals)]
    low = centre - 12
    octaves = [[low + (tone - low) % 12 + 12 * up for up in (0, 1)] for tone in chord.pitch_classes]
    stacks = {tuple(sorted(stack)) for stack in product(*octaves)}
    return sorted(stack for stack in stacks if stack[-1] - stack[0] <= 14)


def _effort(pitches: tuple[int, ...], previous: tuple[int, ...], centre: int) -> float:
    drift = abs(sum(pitches) / len(pitches) - centre)
    if len(previous) != len(pitches):
        return drift
    moved = sum(abs(a - b) for a, b in zip(pitches, previous, strict=True))
    return moved + 0.3 * drift


def scale_pitches(key: int, mode: Mode, low: int, high: int) -> list[int]:
    """List the MIDI pitches of a scale from `low` to `high`, both included."""
    tones = {(key + step) % 12 for step in SCALES[mode]}
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in tones]
