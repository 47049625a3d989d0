"""Evidence: everything that the checks are told of one track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embeddings.measures.recording import Measures
from pipelines.supply.gate.appeal import Appeal
from pipelines.supply.gate.likeness import Likeness
from ranking.supply.brief import Brief


@dataclass(frozen=True, slots=True)
class Loudness:
    """What making the rendition showed.

    Attributes:
        target_lufs: What was wanted.
        lufs: Of the file that is served, measured again.
        true_peak_db: Of the same.
        gain_db: By how much the recording was raised.
        limited_db: By how much its highest peak was pressed.
        missed_lu: How much quieter than wanted it was left, because of its peaks; else about 0.
    """

    target_lufs: float
    lufs: float
    true_peak_db: float
    gain_db: float
    limited_db: float
    missed_lu: float

    def measurements(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        plain: dict[str, Any] = _rounded(_parts(self))
        return plain


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What was measured of a track whose recording could be read.

    Attributes:
        measures: Of the recording as it was delivered.
        language: Of its words, as its maker says; None where that is silent.
        brief: What it was made for, or None.
        copies: Tracks that hold the same recording and stay.
        likeness: To the brief's reference; None without one.
        appeal: Predicted.
        usual_rate: Finishes an impression over the catalogue; NaN where nothing was shown.
    """

    measures: Measures
    language: str | None
    brief: Brief | None
    copies: tuple[str, ...]
    likeness: Likeness | None
    appeal: Appeal
    usual_rate: float

    def measurements(self) -> dict[str, Any]:
        """Return everything as JSON values; what is not finite becomes null."""
        found = self.measures
        told: dict[str, Any] = {
            "duration_s": found.duration_s,
            "lufs": found.lufs,
            "true_peak_db": found.true_peak_db,
            "clipped_share": found.clipped_share,
            "silence": _parts(found.silence),
            "tempo_bpm": found.tempo.bpm,
            "tempo_confidence": found.tempo.confidence,
            "key": found.key.name,
            "key_margin": found.key.margin,
            "energy": found.energy,
            "brightness": found.brightness,
            "copies": list(self.copies),
            "likeness": None if self.likeness is None else _parts(self.likeness),
            "appeal": _parts(self.appeal),
        }
        plain: dict[str, Any] = _rounded(told)
        return plain


def _parts(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, float):
        return round(value, 5) if abs(value) < float("inf") else None  # NaN compares false
    return value
