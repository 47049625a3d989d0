"""Energy and brightness on the scales from 0 to 1 that briefs use.

Both are linear in a few properties of the spectrum that do not change with the volume, fitted to
rendered tracks whose energy and brightness were asked for (`benchmarks/measures_accuracy.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.measures.spectra import Samples, Values, mono_of, power_spectra

LOW_HZ, HIGH_HZ = 60.0, 10_000.0  # what every recording has that was not cut
LEVEL = 0.1  # root mean square that everything is brought to first
_ACTIVE = 1e-6  # of the loudest window's power: what lies below is a pause


@dataclass(frozen=True, slots=True)
class Traits:
    """What energy and brightness are read from.

    Attributes:
        noisiness: Mean log ratio of geometric to arithmetic mean power, 0 for white noise.
        crest_db: Highest peak against the root mean square.
        middle_octaves: log2 of the frequency in Hz below which half of the power lies.
        upper_octaves: The same for 85 %.
        top_octaves: The same for 95 %.
        treble: log10 of the share of power above 5 kHz.
    """

    noisiness: float
    crest_db: float
    middle_octaves: float
    upper_octaves: float
    top_octaves: float
    treble: float


# Intercept and slopes: least squares with a ridge of 3 on 112 rendered tracks of all styles.
ENERGY = (2.631, {"noisiness": 0.0881, "crest_db": -0.0777, "middle_octaves": -0.0428})
BRIGHTNESS = (0.382, {"treble": 0.0840, "top_octaves": 0.1534, "upper_octaves": -0.1396})


def find_traits(samples: Samples, rate_hz: int) -> Traits:
    """Measure the spectrum of a recording.

    Args:
        samples: (n,) or (n, channels), not silent.
        rate_hz: Samples a second, 22,050 for the scales to hold.
    """
    mono = mono_of(samples).astype(np.float64)
    mono = mono * (LEVEL / (np.sqrt(np.mean(mono**2)) + 1e-12))
    hz, power = power_spectra(mono, rate_hz, 1024, 512)
    total = power.sum(axis=0)
    active = power[:, total > _ACTIVE * total.max()]
    heard = active[(hz >= LOW_HZ) & (hz <= HIGH_HZ)] + 1e-12
    mean = active.mean(axis=1)
    rising = np.cumsum(mean) / mean.sum()
    middle, upper, top = (np.log2(hz[np.searchsorted(rising, q)] + 1.0) for q in (0.5, 0.85, 0.95))
    return Traits(
        noisiness=float(np.mean(np.log(heard).mean(axis=0) - np.log(heard.mean(axis=0)))),
        crest_db=float(20.0 * np.log10(np.abs(mono).max() / LEVEL + 1e-12)),
        middle_octaves=float(middle),
        upper_octaves=float(upper),
        top_octaves=float(top),
        treble=float(np.log10(mean[hz >= 5_000.0].sum() / mean.sum() + 1e-9)),
    )


def energy_of(traits: Traits) -> float:
    """Return 0 calm to 1 driving."""
    return _scaled(traits, *ENERGY)


def brightness_of(traits: Traits) -> float:
    """Return 0 dark to 1 bright."""
    return _scaled(traits, *BRIGHTNESS)


def _scaled(traits: Traits, intercept: float, slopes: dict[str, float]) -> float:
    value = intercept + sum(slope * getattr(traits, name) for name, slope in slopes.items())
    return float(np.clip(value, 0.0, 1.0))


def fit_scale(
    found: list[Traits], names: tuple[str, ...], asked: Values, ridge: float = 3.0
) -> tuple[float, dict[str, float]]:
    """Fit a scale to tracks whose place on it is known.

    Args:
        found: (n,) traits of the tracks.
        names: The traits to use.
        asked: (n,) in [0, 1].
        ridge: Penalty on slopes of traits that have unit variance.

    Returns:
        Intercept and slope of each trait, as `ENERGY` and `BRIGHTNESS`.
    """
    values = np.array([[getattr(each, name) for name in names] for each in found])
    means, spreads = values.mean(axis=0), values.std(axis=0)
    unit = (values - means) / spreads
    normal = unit.T @ unit + ridge * np.eye(len(names))
    slopes = np.linalg.solve(normal, unit.T @ (asked - asked.mean())) / spreads
    intercept = float(asked.mean() - slopes @ means)
    return intercept, {name: float(slope) for name, slope in zip(names, slopes, strict=True)}
