"""Key: which of the 24 keys the pitch classes of a recording fit best, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.measures.spectra import Samples, Values, power_spectra

NOTES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MODES = ("major", "minor")
KEY_NAMES = tuple(f"{note} {mode}" for mode in MODES for note in NOTES)
"""As briefs name them; the order of `Key.fits`."""
# C. Krumhansl and E. Kessler, Tracing the dynamic changes in perceived tonal organization (1982):
# probe-tone ratings, from C.
PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key and how well each other one fits.

    Attributes:
        fits: (24,) correlation of the pitch classes with each key's profile, see `KEY_NAMES`.
    """

    fits: Values

    @property
    def tonic(self) -> int:
        """Pitch class of the best key, 0 = C."""
        return int(np.argmax(self.fits)) % 12

    @property
    def mode(self) -> str:
        """`major` or `minor`."""
        return MODES[int(np.argmax(self.fits)) // 12]

    @property
    def name(self) -> str:
        """Name the best key, for example `Eb minor`."""
        return KEY_NAMES[int(np.argmax(self.fits))]

    @property
    def margin(self) -> float:
        """How much better the best key fits than the next."""
        second, first = np.sort(self.fits)[-2:]
        return float(first - second)

    def shortfall(self, name: str) -> float:
        """Return how much worse a key fits than the best; 0 for the best itself."""
        return float(self.fits.max() - self.fits[KEY_NAMES.index(name)])


def find_key(samples: Samples, rate_hz: int) -> Key:
    """Correlate the chroma with the 24 rotated key profiles.

    Args:
        samples: (n,) or (n, channels).
        rate_hz: Samples a second.
    """
    found = chroma(samples, rate_hz)
    if found.max() <= found.min():  # noise or silence fits every key alike
        return Key(np.zeros(24))
    rotated = [np.roll(PROFILES[mode], tonic) for mode in MODES for tonic in range(12)]
    return Key(np.array([np.corrcoef(found, profile)[0, 1] for profile in rotated]))


def estimate_key(samples: Samples, rate_hz: int) -> tuple[int, str]:
    """Return the pitch class of the tonic and the mode that fit best."""
    found = find_key(samples, rate_hz)
    return found.tonic, found.mode


def chroma(samples: Samples, rate_hz: int) -> Values:
    """Sum the spectral peaks from 60 to 2,000 Hz by pitch class, (12,)."""
    hz, power = power_spectra(samples, rate_hz, 8192, 2048)
    inside = slice(int(np.searchsorted(hz, 60.0)), int(np.searchsorted(hz, 2000.0)))
    level = np.sqrt(power[inside.start - 1 : inside.stop + 1])
    is_peak = (level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])
    strength = (np.where(is_peak, level[1:-1], 0.0) ** 0.7).sum(axis=1)
    pitch = np.rint(69 + 12 * np.log2(hz[inside] / 440.0)).astype(int)
    return np.bincount(pitch % 12, strength, minlength=12).astype(np.float64)
