"""Traits: the attributes of tracks as columns that taste can be computed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.music.attributes import TrackAttributes
from pipelines.music.instruments import TIMBRES
from pipelines.music.style import STYLES, Style

STYLE_NAMES: tuple[str, ...] = tuple(STYLES)
INSTRUMENTS: tuple[str, ...] = tuple(sorted(TIMBRES))


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """What a listener can tell about each of n tracks.

    Args:
        style: (n,) index into `STYLE_NAMES`.
        tempo: (n,) log2 of beats a minute.
        energy: (n,) 0 to 1.
        brightness: (n,) 0 to 1.
        minor: (n,) whether the key is minor.
        lead: (n,) index into `INSTRUMENTS`.
        pad: (n,) index into `INSTRUMENTS`.
    """

    style: NDArray[np.int64]
    tempo: NDArray[np.float32]
    energy: NDArray[np.float32]
    brightness: NDArray[np.float32]
    minor: NDArray[np.bool_]
    lead: NDArray[np.int64]
    pad: NDArray[np.int64]


def traits_of(attributes: Sequence[TrackAttributes]) -> Traits:
    """Return the traits of tracks, in their order."""
    return Traits(
        style=_codes([a.style for a in attributes], STYLE_NAMES),
        tempo=np.log2(np.array([a.tempo_bpm for a in attributes], dtype=np.float32)),
        energy=np.array([a.energy for a in attributes], dtype=np.float32),
        brightness=np.array([a.brightness for a in attributes], dtype=np.float32),
        minor=np.array([a.mode == "minor" for a in attributes], dtype=np.bool_),
        lead=_codes([a.lead for a in attributes], INSTRUMENTS),
        pad=_codes([a.pad for a in attributes], INSTRUMENTS),
    )


def attributes_frame(attributes: Sequence[TrackAttributes]) -> pl.DataFrame:
    """Return one row a track, one column an attribute."""
    return pl.DataFrame([asdict(a) for a in attributes], infer_schema_length=None)


def attributes_from(frame: pl.DataFrame) -> list[TrackAttributes]:
    """Return the attributes that `attributes_frame` wrote."""
    names = [field.name for field in fields(TrackAttributes)]
    return [TrackAttributes(**row) for row in frame.select(names).iter_rows(named=True)]


@cache
def style_affinity() -> NDArray[np.float32]:
    """Return (s, s) how near styles stand to each other, 0 to 1 and 1 on the diagonal.

    Half is what they are played on (Jaccard overlap of rhythms, instruments and kits), half how
    they move (closeness of tempo, energy and brightness).
    """
    styles = list(STYLES.values())
    rows = [[_closeness(one, other) for other in styles] for one in styles]
    affinity = np.array(rows, dtype=np.float32)
    affinity.flags.writeable = False  # one array for all callers
    return affinity


def _closeness(one: Style, other: Style) -> float:
    palettes = [{*s.rhythms, *s.leads, *s.pads, *s.basses, *s.kits, s.colour} for s in (one, other)]
    overlap = len(palettes[0] & palettes[1]) / len(palettes[0] | palettes[1])
    tempo = np.log2(one.tempo_bpm[0] / other.tempo_bpm[0]) / 0.5  # half an octave of tempo
    energy = (one.energy - other.energy) / 0.25
    brightness = (one.brightness - other.brightness) / 0.25
    movement = float(np.exp(-0.5 * (tempo**2 + energy**2 + brightness**2)))
    return 0.5 * float(np.sqrt(overlap)) + 0.5 * movement


def _codes(names: Sequence[str], vocabulary: tuple[str, ...]) -> NDArray[np.int64]:
    code_of = {name: code for code, name in enumerate(vocabulary)}
    return np.array([code_of[name] for name in names], dtype=np.int64)
