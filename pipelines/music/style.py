"""Styles of the built-in world, and the draw of one track's attributes from a style."""
# ruff: noqa: E501 - one line a fact of a style

from dataclasses import dataclass

import numpy as np

from core.errors import DataError
from pipelines.music.attributes import Mode, TrackAttributes
from pipelines.music.harmony import Colour


@dataclass(frozen=True, slots=True)
class Mix:
    """How a style sounds as a recording."""

    room_s: float
    """Reverberation time (RT60)."""
    wet: float
    """Share of reverberation, 0 to 1."""
    echo: float = 0.0
    """Level of the first echo of the lead."""
    duck: float = 0.0
    """How far the kick pushes chords and bass down, 0 to 1."""
    haze_hz: float = 0.0
    """Low-pass over the whole mix; 0 leaves it open."""
    crackle: float = 0.0
    """Level of record noise."""
    looseness_ms: float = 0.0
    """Standard deviation of human timing."""
    drums_db: float = 0.0
    """Level of the drums against the other parts."""


@dataclass(frozen=True, slots=True)
class Style:
    """The ranges from which a style's tracks are drawn; neighbours overlap on purpose."""

    name: str
    tempo_bpm: tuple[float, float, float, float]
    """Mean, standard deviation, lowest, highest."""
    p_minor: float
    energy: float
    """Mean of a wide beta distribution."""
    brightness: float
    """Mean of a wide beta distribution."""
    rhythms: tuple[str, ...]
    leads: tuple[str, ...]
    pads: tuple[str, ...]
    basses: tuple[str, ...]
    kits: tuple[str, ...]
    mix: Mix
    colour: Colour = "triad"
    major: tuple[str, ...] = ("I-V-vi-IV", "I-IV-I-V", "I-vi-IV-V", "I-IV-vi-V")
    minor: tuple[str, ...] = ("i-iv-i-V", "i-VI-iv-V", "i-i-iv-V", "i-VI-i-VII")


_ALL = (
    Style(
        "ambient", (76, 9, 60, 100), 0.45, 0.18, 0.35, ("drift", "heartbeat", "waltz-flow"),
        ("glass bell", "flute", "soft sine"), ("warm pad", "choir", "glass pad"),
        ("sub", "soft sine"), ("soft", "hand"),
        Mix(room_s=3.6, wet=0.5, echo=0.4, looseness_ms=5, drums_db=-5),
        major=("I-IV-I-V", "I-iii-IV-I", "I-I-IV-IV"), minor=("i-i-iv-i", "i-VI-i-v", "i-iv-i-i"),
    ),
    Style(
        "chiptune", (142, 15, 110, 176), 0.45, 0.68, 0.72, ("arcade", "bounce", "neon", "backbeat"),
        ("pulse", "square"), ("pulse", "square", "triangle"), ("triangle", "square"), ("chip",),
        Mix(room_s=0.3, wet=0.03, echo=0.12),
        major=("I-V-vi-IV", "I-IV-V-I", "I-vi-IV-V"), minor=("i-VI-VII-i", "i-iv-V-i", "i-VI-iv-V"),
    ),
    Style(
        "techno", (132, 5, 120, 146), 0.85, 0.72, 0.5, ("driving", "hypnotic", "four-floor"),
        ("acid", "square", "fm pluck"), ("stab synth", "glass pad", "warm pad"),
        ("synth bass", "sub", "acid"), ("club", "machine"),
        Mix(room_s=1.2, wet=0.16, echo=0.45, duck=0.6, drums_db=3),
        major=("I-I-I-IV", "I-I-IV-I"), minor=("i-i-i-iv", "i-i-VI-i", "i-i-i-v"),
    ),
    Style(
        "house", (123, 4, 114, 132), 0.55, 0.62, 0.58, ("four-floor", "deep-floor", "hypnotic"),
        ("electric piano", "organ", "supersaw", "piano"), ("electric piano", "organ", "piano", "stab synth"),
        ("synth bass", "finger bass", "sub"), ("club", "machine"),
        Mix(room_s=1.1, wet=0.16, echo=0.25, duck=0.45, drums_db=1), colour="seventh",
    ),
    Style(
        "drum and bass", (170, 5, 158, 180), 0.75, 0.78, 0.55, ("breakbeat", "roller"),
        ("supersaw", "electric piano", "glass bell"), ("warm pad", "strings", "glass pad"),
        ("reese", "sub"), ("club", "acoustic"),
        Mix(room_s=1.8, wet=0.2, echo=0.35, duck=0.3, drums_db=3),
    ),
    Style(
        "metal", (142, 22, 98, 184), 0.92, 0.86, 0.6, ("gallop", "thrash", "backbeat"),
        ("lead guitar",), ("distorted guitar",), ("pick bass", "finger bass"), ("metal",),
        Mix(room_s=0.9, wet=0.1, echo=0.15, looseness_ms=3, drums_db=2), colour="power",
        minor=("i-i-VI-VII", "i-VI-iv-V", "i-VI-i-iv", "i-iv-VI-i"),
    ),
    Style(
        "folk", (102, 14, 74, 138), 0.3, 0.38, 0.5, ("fingerpick", "campfire", "waltz-flow"),
        ("flute", "steel guitar", "fiddle", "accordion"), ("steel guitar", "nylon guitar"),
        ("upright bass", "finger bass"), ("hand", "brush"),
        Mix(room_s=0.7, wet=0.12, looseness_ms=8, drums_db=-3),
        major=("I-IV-I-V", "I-V-vi-IV", "I-IV-V-I"), minor=("i-VII-VI-i", "i-iv-i-v", "i-VI-VII-i"),
    ),
    Style(
        "waltz", (124, 17, 88, 168), 0.4, 0.42, 0.45, ("waltz", "waltz-flow"),
        ("fiddle", "flute", "accordion", "piano"), ("strings", "piano", "accordion"),
        ("upright bass", "cello"), ("orchestra", "brush"),
        Mix(room_s=1.6, wet=0.24, looseness_ms=8, drums_db=-4),
        major=("I-IV-I-V", "I-IV-V-I", "I-I-IV-V"), minor=("i-V-i-iv", "i-iv-V-i"),
    ),
    Style(
        "lo-fi", (80, 7, 64, 98), 0.55, 0.33, 0.25, ("boom-bap", "dusty", "bossa"),
        ("electric piano", "nylon guitar", "vibraphone"), ("electric piano", "piano", "nylon guitar"),
        ("upright bass", "sub", "finger bass"), ("dusty",),
        Mix(room_s=0.8, wet=0.12, haze_hz=4200, crackle=0.02, looseness_ms=10, drums_db=1),
        colour="seventh",
        major=("I-vi-ii-V", "I-IV-iii-vi", "I-iii-IV-V"), minor=("i-iv-VI-v", "i-VI-iv-V", "i-iv-i-v"),
    ),
    Style(
        "synthwave", (103, 10, 80, 128), 0.7, 0.6, 0.6, ("night-drive", "neon", "backbeat"),
        ("supersaw", "square", "brass"), ("warm pad", "supersaw", "glass pad"),
        ("synth bass", "reese"), ("machine", "club"),
        Mix(room_s=2.2, wet=0.26, echo=0.35, duck=0.25, drums_db=1),
        minor=("i-VI-VII-i", "i-VI-iv-V", "i-i-VI-VII"),
    ),
    Style(
        "jazz", (132, 24, 88, 190), 0.4, 0.46, 0.4, ("ride-swing", "bossa"),
        ("muted trumpet", "vibraphone", "piano", "nylon guitar"), ("piano", "nylon guitar", "electric piano"),
        ("upright bass",), ("brush", "acoustic"),
        Mix(room_s=0.9, wet=0.14, looseness_ms=10, drums_db=-2), colour="seventh",
        major=("I-vi-ii-V", "I-IV-ii-V", "I-ii-V-I"), minor=("i-iv-V-i", "i-VI-iv-V", "i-iv-i-V"),
    ),
    Style(
        "orchestral", (104, 16, 70, 142), 0.6, 0.58, 0.45, ("march", "ostinato", "waltz"),
        ("brass", "fiddle", "flute"), ("strings", "choir", "brass"), ("cello", "brass bass"),
        ("orchestra",), Mix(room_s=2.6, wet=0.32, looseness_ms=9, drums_db=0),
        minor=("i-VI-iv-V", "i-i-VI-VII", "i-iv-V-i"),
    ),
    Style(
        "rock", (122, 14, 88, 158), 0.4, 0.66, 0.55, ("backbeat", "campfire", "thrash"),
        ("lead guitar", "organ", "steel guitar"), ("crunch guitar", "steel guitar", "organ"),
        ("pick bass", "finger bass"), ("acoustic", "metal"),
        Mix(room_s=0.8, wet=0.12, looseness_ms=6, drums_db=2), colour="power",
    ),
    Style(
        "bossa nova", (124, 12, 94, 152), 0.5, 0.32, 0.38, ("bossa",),
        ("flute", "vibraphone", "nylon guitar"), ("nylon guitar", "piano"), ("upright bass",),
        ("brush", "hand"), Mix(room_s=0.7, wet=0.14, looseness_ms=8, drums_db=-2), colour="seventh",
        major=("I-IV-ii-V", "I-ii-V-I", "I-vi-ii-V"), minor=("i-iv-V-i", "i-iv-i-V"),
    ),
)  # fmt: skip

STYLES: dict[str, Style] = {style.name: style for style in _ALL}


def style_named(name: str) -> Style:
    """Look a style up by its name.

    Raises:
        DataError: if there is none of that name.
    """
    if name not in STYLES:
        raise DataError(f"style {name!r} is unknown: choose one of {', '.join(sorted(STYLES))}")
    return STYLES[name]


def sample_attributes(
    style: str, rng: np.random.Generator, mean_duration_s: float = 12.0
) -> TrackAttributes:
    """Draw one track of a style.

    Energy and brightness spread widely within a style, and tempo, key, instruments and rhythm
    overlap between styles, so that a style's name alone never tells what a listener likes.

    Args:
        style: A name in `STYLES`.
        rng: Source of chance.
        mean_duration_s: Middle of the durations, which spread by a fifth to each side.

    Returns:
        The drawn attributes.
    """
    of = style_named(style)
    mode: Mode = "minor" if rng.random() < of.p_minor else "major"
    mean, deviation, lowest, highest = of.tempo_bpm
    return TrackAttributes(
        style=style,
        tempo_bpm=round(float(np.clip(rng.normal(mean, deviation), lowest, highest)), 1),
        key=int(rng.integers(12)),
        mode=mode,
        progression=_pick(of.minor if mode == "minor" else of.major, rng),
        rhythm=_pick(of.rhythms, rng),
        lead=_pick(of.leads, rng),
        pad=_pick(of.pads, rng),
        bass=_pick(of.basses, rng),
        kit=_pick(of.kits, rng),
        energy=_spread(of.energy, rng),
        brightness=_spread(of.brightness, rng),
        duration_s=round(mean_duration_s * float(rng.uniform(0.8, 1.2)), 2),
        seed=int(rng.integers(2**32)),
    )


def _pick(names: tuple[str, ...], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))]


def _spread(mean: float, rng: np.random.Generator) -> float:
    weight = 6.0  # a beta with this weight has a standard deviation near 0.18
    return round(float(rng.beta(weight * mean, weight * (1.0 - mean))), 3)
