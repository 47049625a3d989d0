"""The truth about one track of the built-in world: what it was asked to sound like."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from core.errors import DataError

Mode: TypeAlias = Literal["major", "minor"]

NOTE_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

_LIMITS = {
    "tempo_bpm": (40.0, 220.0),
    "key": (0, 11),
    "energy": (0.0, 1.0),
    "brightness": (0.0, 1.0),
    "duration_s": (4.0, 600.0),
    "seed": (0, 2**63 - 1),
}


@dataclass(frozen=True, slots=True)
class TrackAttributes:
    """Everything the composer and the renderer need to know; equal values give equal audio."""

    style: str
    """A name in `style.STYLES`; decides the room, the mix and the chord colour."""
    tempo_bpm: float
    """Beats a minute."""
    key: int
    """Pitch class of the tonic, 0 = C to 11 = B."""
    mode: Mode
    """Scale of the key."""
    progression: str
    """Roman numerals joined by hyphens, for example `I-V-vi-IV`."""
    rhythm: str
    """A name in `groove.GROOVES`; decides the metre, the drums and both accompaniments."""
    lead: str
    """Melody instrument, a name in `instruments.TIMBRES`."""
    pad: str
    """Chord instrument, a name in `instruments.TIMBRES`."""
    bass: str
    """Bass instrument, a name in `instruments.TIMBRES`."""
    kit: str
    """A name in `percussion.KITS`."""
    energy: float
    """0 calm to 1 driving: density, force and loudness."""
    brightness: float
    """0 dark to 1 bright: where the filters open."""
    duration_s: float
    """Length of the rendered audio."""
    seed: int
    """Decides melody, variations and human timing; nothing that a listener would name."""

    def __post_init__(self) -> None:
        """Refuse values that no composer could honour.

        Raises:
            DataError: if a number is out of its range or the mode is unknown.
        """
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise DataError(f"{name} is {value!r}: give a value from {low} to {high}")
        if self.mode not in get_args(Mode):
            raise DataError(f"mode is {self.mode!r}: choose 'major' or 'minor'")

    @property
    def key_name(self) -> str:
        """Name the key as a musician would, for example `Eb minor`."""
        return f"{NOTE_NAMES[self.key]} {self.mode}"
