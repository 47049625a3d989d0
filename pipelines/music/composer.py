"""Composer: from a track's attributes to its score."""

import numpy as np

from core.randomness import generator
from pipelines.music.accompaniment import write_bass, write_drums, write_pad
from pipelines.music.attributes import TrackAttributes
from pipelines.music.form import plan_piece
from pipelines.music.instruments import timbre_named
from pipelines.music.melody import write_lead
from pipelines.music.percussion import kit_named
from pipelines.music.score import Hits, Notes, Score
from pipelines.music.style import style_named


def compose(attributes: TrackAttributes) -> Score:
    """Write a piece that has the asked tempo, key, chords, rhythm, instruments and energy.

    Args:
        attributes: What the piece must be. Equal attributes give an equal score.

    Returns:
        The score; every note and hit starts before `duration_s`.

    Raises:
        DataError: if the style, the rhythm, a chord, an instrument or the kit is unknown.
    """
    kit_named(attributes.kit)
    looseness_s = style_named(attributes.style).mix.looseness_ms / 1000.0
    rng = generator(attributes.seed, "compose")
    plan = plan_piece(attributes)
    lead = write_lead(plan, timbre_named(attributes.lead).centre, rng)
    pad = write_pad(plan, timbre_named(attributes.pad).centre, rng)
    timbre_named(attributes.bass)
    notes = [*lead, *pad, *write_bass(plan)]
    hits = write_drums(plan, rng)
    late_s = _human_delays_s(len(notes) + len(hits), looseness_s, rng)
    return Score(
        attributes,
        Notes.from_events(
            (_shift(note[0], d), *note[1:]) for note, d in zip(notes, late_s, strict=False)
        ),
        Hits.from_events(
            (_shift(hit[0], d), *hit[1:]) for hit, d in zip(hits, late_s[len(notes) :], strict=True)
        ),
    )


def _human_delays_s(count: int, deviation_s: float, rng: np.random.Generator) -> list[float]:
    drawn: list[float] = (np.clip(rng.normal(0.0, 1.0, count), -2.0, 2.0) * deviation_s).tolist()
    return drawn


def _shift(start_s: float, delay_s: float) -> float:
    return max(0.0, start_s + delay_s)
