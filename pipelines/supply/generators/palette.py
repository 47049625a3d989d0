"""Which style of the composer a brief means, by its tags or by how it moves."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pipelines.music.style import STYLES, Style
from ranking.supply.brief import Brief
from ranking.supply.names import words

STYLE_TAG = 4.0
"""What a style's own name counts; one of its instruments or rhythms counts 1."""


def style_of(brief: Brief) -> Style:
    """Return the style that a brief's tags tell, or else the one that moves most like it.

    Early tags count more than late ones (the n-th by 1/n), a style's own name more than what
    it is played on. Between equals, and where no tag tells anything, the nearest in tempo,
    energy and brightness is taken; the first in the alphabet where nothing is known at all.
    """
    tags = [" ".join(words(tag)) for tag in brief.tags]
    ordered = sorted(STYLES.values(), key=lambda style: style.name)
    return min(ordered, key=lambda style: (-_told(style, tags), _distance(style, brief)))


def asked_of(palette: Iterable[str], brief: Brief) -> tuple[str, ...]:
    """Return those names of a palette that a brief's tags ask for, in the palette's order."""
    tags = {" ".join(words(tag)) for tag in brief.tags}
    return tuple(name for name in palette if " ".join(words(name)) in tags)


def _told(style: Style, tags: list[str]) -> float:
    name = " ".join(words(style.name))
    palette = {*style.rhythms, *style.leads, *style.pads, *style.basses, *style.kits}
    played = {" ".join(words(part)) for part in palette}
    told = 0.0
    for place, tag in enumerate(tags):
        weight = STYLE_TAG if f" {name} " in f" {tag} " else float(tag in played)
        told += weight / (place + 1)
    return told


def _distance(style: Style, brief: Brief) -> float:
    """Squared distance of what was measured; half an octave of tempo, a quarter of a scale."""
    parts = []
    if brief.tempo_bpm is not None:
        parts.append(math.log2(brief.tempo_bpm / style.tempo_bpm[0]) / 0.5)
    if brief.energy is not None:
        parts.append((brief.energy - style.energy) / 0.25)
    if brief.brightness is not None:
        parts.append((brief.brightness - style.brightness) / 0.25)
    return sum(part**2 for part in parts)
