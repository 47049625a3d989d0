"""The built-in composer as a generator: free, at once, on any machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.randomness import derive_seed, generator
from pipelines.music.attributes import NOTE_NAMES, Mode, TrackAttributes
from pipelines.music.audio_file import write_track
from pipelines.music.ogg_pages import pin_serial
from pipelines.music.style import sample_attributes
from pipelines.supply.generators.palette import asked_of, style_of
from pipelines.supply.generators.protocol import (
    Accepted,
    Delivered,
    DeliveredTrack,
    Failed,
    Order,
    Pending,
)
from ranking.supply.brief import INSTRUMENTAL, Brief

NAME = "synth"
MODEL = "segue-composer-1"
LONGEST_S = 600.0


class SynthConfig(BaseModel):
    """The built-in composer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=7, ge=0, le=2**31 - 1)
    """Decides, with the brief and the number of the order, all that the brief leaves open."""
    limit_in_flight: int = Field(default=4, ge=1, le=1000)
    """Most orders that are under way at once."""


class Synth:
    """Composes and renders what a brief asks for; the same order is the same sound.

    Nothing is kept between submit and poll: the order itself says everything.

    Args:
        config: Seed and limit.
    """

    name = NAME
    free = True
    repeatable = True

    def __init__(self, config: SynthConfig | None = None) -> None:
        self._config = config or SynthConfig()
        self.limit_in_flight = self._config.limit_in_flight

    def refuses(self, brief: Brief) -> str:
        """Return why it cannot make this: it has no voice."""
        if brief.language != INSTRUMENTAL or brief.lyrics:
            return "synth makes instrumentals only"
        if brief.seconds[0] > LONGEST_S:
            return f"synth makes no track longer than {LONGEST_S:g} s"
        return ""

    def tracks_an_order(self, brief: Brief) -> int:  # noqa: ARG002
        """Return 1."""
        return 1

    def submit(self, order: Order) -> Accepted:
        """Take any order."""
        return Accepted(order.key)

    def poll(self, order: Order, external_id: str) -> Pending | Delivered | Failed:  # noqa: ARG002
        """Return the track; it is rendered when it is saved."""
        attributes = attributes_for(order, self._config.seed)
        track = DeliveredTrack(
            number=0,
            suffix=".ogg",
            save=partial(_save, attributes),
            model=MODEL,
            told={"genre": attributes.style},
            metadata={"attributes": asdict(attributes)},
        )
        return Delivered((track,))

    def settle(self, order: Order, external_id: str) -> None:
        """Do nothing: nothing was kept."""


def attributes_for(order: Order, seed: int) -> TrackAttributes:
    """Decide every attribute of a track: what the brief asks, and for the rest chance.

    Siblings of a brief differ: each takes the next of the combinations of progression, lead,
    rhythm, chord instrument and bass of the style, and has a melody of its own.

    Args:
        order: The brief and which of its orders.
        seed: Decides what the brief leaves open.
    """
    brief = order.brief
    style = style_of(brief)
    own = derive_seed(seed, "synth", order.brief_id, order.number)
    drawn = sample_attributes(style.name, generator(own, "attributes"))
    key, mode = _key_of(brief, drawn)
    progressions = style.minor if mode == "minor" else style.major
    parts = [progressions, *(
        asked_of(palette, brief) or palette
        for palette in (style.leads, style.rhythms, style.pads, style.basses)
    )]  # fmt: skip
    shuffled = generator(seed, "synth", order.brief_id, mode)
    progression, lead, rhythm, pad, bass = _combination(parts, order.number, shuffled)
    shortest, longest = brief.seconds
    seconds = generator(own, "seconds").uniform(shortest, min(longest, LONGEST_S))
    return replace(
        drawn,
        tempo_bpm=brief.tempo_bpm or drawn.tempo_bpm,
        key=key,
        mode=mode,
        progression=progression,
        rhythm=rhythm,
        lead=lead,
        pad=pad,
        bass=bass,
        energy=drawn.energy if brief.energy is None else brief.energy,
        brightness=drawn.brightness if brief.brightness is None else brief.brightness,
        duration_s=round(float(seconds), 2),
        seed=own,
    )


def _key_of(brief: Brief, drawn: TrackAttributes) -> tuple[int, Mode]:
    if brief.key is None:
        return drawn.key, drawn.mode
    note, mode = brief.key.split()
    return NOTE_NAMES.index(note), cast("Mode", mode)


def _combination(
    parts: Sequence[Sequence[str]], number: int, rng: np.random.Generator
) -> tuple[str, ...]:
    """Return the `number`-th combination of parts; neighbours differ in nearly every part.

    `number` is written in the mixed base of the parts' lengths, and each digit is turned by the
    digits before it: all move with each step, and no combination returns before all were taken.
    """
    chosen, turned = [], 0
    for part in parts:
        number, digit = divmod(number, len(part))
        turned += digit
        chosen.append(part[int(rng.permutation(len(part))[turned % len(part)])])
    return tuple(chosen)


def _save(attributes: TrackAttributes, path: Path) -> Failed | None:
    from pipelines.music.renderer import SAMPLE_RATE_HZ, render_track  # with all of scipy.signal

    write_track(path, render_track(attributes), SAMPLE_RATE_HZ)
    pin_serial(path)
    return None
