"""Names of invented creators and titles of their tracks."""
# ruff: noqa: E501, SIM905 - word lists read best as text

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRACKS_PER_CREATOR = 8
P_SECOND_STYLE = 0.4

_FIRST = (
    "Ada Alma Anouk Aron Bela Bruno Cato Cleo Dario Dunja Edda Elio Enzo Fenna Gael Greta Hanno Ida Ilka Ivo "
    "Jael Jonna Juno Kaja Kolja Lene Lior Luca Maren Mika Mirja Nadir Nils Noor Odile Oskar Paola Pepe Quinn "
    "Rhea Runa Samir Sanne Tarik Thea Tove Ugo Vera Wanda Xenia Yara Yves Zora"
).split()  # fmt: skip
_LAST = (
    "Abendroth Alder Birk Brandt Calder Corvin Dahl Delmar Ekholm Fairn Falk Garnet Halden Hasel Imre Jarvo Kestrel "
    "Kolb Larkin Lindqvist Marlow Morrow Nacht Norrell Okello Orsini Pell Quist Ravn Rowe Sable Sorrel Tamm "
    "Thorne Ulmer Varga Vale Wexley Winter Yarrow Zeller"
).split()
_BAND = (
    "Amber Atlas Cobalt Copper Delta Distant Electric Faded Glass Harbour Hollow Indigo Iron Lunar Marble Midnight "
    "Northern Opal Paper Quiet Radio Scarlet Second Silver Solar Static Velvet Violet"
).split()
_THING = (
    "Arcade Avenue Birds Choir Circuit Club Coast Engine Fields Foxes Garden Ghosts Harvest Kites Lanterns Machines "
    "Meridian Motel Orchard Parade Planets Rivers Satellites Signals Sleepers Tides Towers Wolves"
).split()
_MOOD = (
    "After Almost Below Beyond Before Between Burning Chasing Counting Drifting Endless Falling First Gentle Golden "
    "Last Leaving Little Lost Near Open Restless Running Silent Slow Turning Under Waking Wild"
).split()
_IMAGE = (
    "Ashes Bridges Cartography December Daylight Distance Embers Frequencies Gravity Highways Horizons Islands "
    "June Letters Light Mirrors Mornings Mountains Nightfall Ocean Pages Rain Rooftops Shadows Signals Snow "
    "Stations Summer Thunder Trains Waves Windows"
).split()
_FLAVOUR = {
    "ambient": "Drift Haze Stillness", "chiptune": "Level Pixel Bonus", "techno": "Loop Voltage Grid",
    "house": "Dancefloor Groove Heat", "drum and bass": "Velocity Roller Break", "metal": "Forge Wrath Steel",
    "folk": "Hearth Meadow Lane", "waltz": "Waltz Carousel Ballroom", "lo-fi": "Tape Couch Coffee",
    "synthwave": "Neon Chrome Sunset", "jazz": "Blue Corner Session", "orchestral": "Overture Voyage Crown",
    "rock": "Highway Amplifier Riot", "bossa nova": "Praia Brisa Siesta",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Creator:
    """Somebody who uploads tracks."""

    name: str
    styles: tuple[str, ...]
    """One or two styles, the main one first."""


def found_creators(
    track_styles: Sequence[str], rng: np.random.Generator
) -> tuple[tuple[Creator, ...], NDArray[np.int64]]:
    """Invent creators, about one for eight tracks, and share the tracks among them.

    Every creator has a main style, in proportion to its tracks, and some have a second one.

    Args:
        track_styles: (n_tracks,) style of each track.
        rng: Source of chance.

    Returns:
        The creators, every one with at least one track, and for each track the row of its creator.
    """
    counts = {style: track_styles.count(style) for style in dict.fromkeys(track_styles)}
    mains = [s for s, n in counts.items() for _ in range(max(1, round(n / TRACKS_PER_CREATOR)))]
    seconds = [
        str(rng.choice(list(counts))) if rng.random() < P_SECOND_STYLE else "" for _ in mains
    ]
    appetite = rng.gamma(2.0, 1.0, len(mains))  # a few creators are far busier than most
    owners = [
        _choose_owner(style, mains, seconds, appetite, rng.random()) for style in track_styles
    ]
    kept = sorted(set(owners))
    names = number_repeats(_creator_name(rng) for _ in kept)
    creators = tuple(
        Creator(name, tuple(dict.fromkeys(s for s in (mains[row], seconds[row]) if s)))
        for name, row in zip(names, kept, strict=True)
    )
    return creators, np.searchsorted(kept, owners).astype(np.int64)


def title_tracks(track_styles: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
    """Invent a unique title for each track; some hint at the style, most do not."""
    return number_repeats(_title(style, rng) for style in track_styles)


def _choose_owner(
    style: str,
    mains: list[str],
    seconds: list[str],
    appetite: NDArray[np.float64],
    chance: float,
) -> int:
    fits = [
        1.0 if m == style else 0.35 if s == style else 0.0
        for m, s in zip(mains, seconds, strict=True)
    ]
    shares = np.cumsum(appetite * np.array(fits))
    return int(np.searchsorted(shares, chance * shares[-1], side="right"))


def _creator_name(rng: np.random.Generator) -> str:
    form = rng.random()
    if form < 0.45:
        return f"{_pick(_FIRST, rng)} {_pick(_LAST, rng)}"
    return f"{_pick(_BAND, rng)} {_pick(_THING, rng)}"


def _title(style: str, rng: np.random.Generator) -> str:
    form = rng.random()
    if form < 0.25:
        return f"{_pick(_FLAVOUR[style].split(), rng)} {_pick(_IMAGE, rng)}"
    if form < 0.65:
        return f"{_pick(_MOOD, rng)} {_pick(_IMAGE, rng)}"
    if form < 0.85:
        return f"{_pick(_BAND, rng)} {_pick(_IMAGE, rng)}"
    return f"{_pick(_IMAGE, rng)} and {_pick(_IMAGE, rng)}"


def number_repeats(names: Iterable[str]) -> tuple[str, ...]:
    """Keep the first of equal names, and number the others from 2."""
    seen: Counter[str] = Counter()
    numbered: list[str] = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return tuple(numbered)


def _pick(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]
