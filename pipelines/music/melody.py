"""Melody: motifs that return, vary, follow the chords and end at home."""

from dataclasses import dataclass

import numpy as np

from pipelines.music.form import Bar, Plan, Span
from pipelines.music.groove import STEPS_PER_BEAT
from pipelines.music.harmony import SCALES, scale_pitches
from pipelines.music.score import NoteEvent

SILENT_SECTIONS = ("intro", "outro")


@dataclass(frozen=True, slots=True)
class Motif:
    """One bar of melody without pitches: where notes fall and how the line bends."""

    steps: tuple[int, ...]
    """Onsets within the bar, ascending."""
    bends: tuple[int, ...]
    """Scale steps above the anchor, one an onset."""


def invent_motif(n_steps: int, density: float, rng: np.random.Generator) -> Motif:
    """Draw a motif that prefers beats and moves mostly by step.

    Args:
        n_steps: Steps in a bar.
        density: 0 sparse to 1 busy.
        rng: Source of chance.

    Returns:
        The motif; its first note is on the first beat.
    """
    weights = np.array([_onset_weight(step) for step in range(n_steps)])
    n_notes = int(np.clip(round(n_steps / STEPS_PER_BEAT * (0.6 + 1.5 * density)), 2, n_steps - 2))
    drawn = rng.choice(np.arange(1, n_steps), n_notes - 1, False, weights[1:] / weights[1:].sum())
    moves = rng.choice([-2, -1, 0, 1, 2, 4], n_notes - 1, p=[0.12, 0.3, 0.12, 0.28, 0.12, 0.06])
    bends = np.clip(np.concatenate([[0], np.cumsum(moves)]), -4, 6)
    return Motif((0, *sorted(int(step) for step in drawn)), tuple(int(bend) for bend in bends))


def vary_motif(motif: Motif, rng: np.random.Generator) -> Motif:
    """Keep the rhythm and the opening, change where the line ends."""
    bends = list(motif.bends)
    for place in range(len(bends) // 2, len(bends)):
        bends[place] += int(rng.integers(-2, 3))
    return Motif(motif.steps, tuple(bends))


def _onset_weight(step: int) -> float:
    if step % STEPS_PER_BEAT == 0:
        return 5.0
    return 3.0 if step % 2 == 0 else 0.6


def write_lead(plan: Plan, centre: int, rng: np.random.Generator) -> list[NoteEvent]:
    """Write the melody of a whole piece.

    Each section kind has one motif, played A A' A B; a chorus lies higher and is busier.

    Args:
        plan: The form and the chords.
        centre: MIDI pitch around which the melody moves.
        rng: Source of chance.

    Returns:
        Note events of the part `lead`.
    """
    attributes, steps = plan.attributes, plan.groove.steps
    density = 0.25 + 0.55 * attributes.energy
    motifs = {
        "verse": invent_motif(steps, density, rng),
        "chorus": invent_motif(steps, min(1.0, density + 0.15), rng),
        "break": invent_motif(steps, 0.2, rng),
    }
    events: list[NoteEvent] = []
    for bar in plan.bars:
        if bar.section not in SILENT_SECTIONS:
            motif = motifs[bar.section]
            if bar.within % 4 in (1, 3):
                motif = vary_motif(motif, rng)
            lift = 3 if bar.section == "chorus" else 0
            events.extend(_sing(plan, bar, motif, centre + lift, rng))
    return [*events, _last_note(plan, centre)]


def _sing(
    plan: Plan, bar: Bar, motif: Motif, centre: int, rng: np.random.Generator
) -> list[NoteEvent]:
    attributes = plan.attributes
    scale = scale_pitches(attributes.key, attributes.mode, centre - 14, centre + 17)
    start = bar.index * plan.groove.steps
    ends = (*motif.steps[1:], plan.groove.steps)
    events: list[NoteEvent] = []
    for step, bend, end in zip(motif.steps, motif.bends, ends, strict=True):
        span = span_at(plan, start + step)
        anchor = _nearest(_chord_tones(plan, span, centre), centre)
        pitch = _bend(scale, anchor, bend)
        if step % STEPS_PER_BEAT == 0:
            pitch = _nearest(_chord_tones(plan, span, pitch), pitch)
        if step == 0 and span.chord.root == attributes.key:  # the first beat at home says so
            pitch = _nearest(tonic_octaves(plan, centre), pitch)
        at = plan.time_of(start + step)
        length = min(plan.time_of(start + end) - at, 6 * plan.step_s)
        accent = 1.0 if step % STEPS_PER_BEAT == 0 else 0.8
        velocity = accent * (0.6 + 0.35 * bar.intensity) * float(rng.uniform(0.9, 1.0))
        events.append((at, 0.92 * length, pitch, velocity, "lead"))
    return events


def _last_note(plan: Plan, centre: int) -> NoteEvent:
    pitch = _nearest(tonic_octaves(plan, centre), centre)
    return (plan.tail_s, plan.attributes.duration_s - plan.tail_s, pitch, 0.7, "lead")


def tonic_octaves(plan: Plan, centre: int) -> list[int]:
    """List the octaves of the tonic that lie around a pitch."""
    return [pitch for pitch in range(centre - 8, centre + 9) if pitch % 12 == plan.attributes.key]


def span_at(plan: Plan, step: int) -> Span:
    """Find the chord that sounds at a step."""
    return plan.spans[min(step // plan.spans[0].steps, len(plan.spans) - 1)]


def _chord_tones(plan: Plan, span: Span, centre: int) -> list[int]:
    tones = set(span.chord.pitch_classes)
    if len(tones) == 2:  # over a power chord the melody alone tells major from minor
        minor_third = (span.chord.root + 3) % 12
        in_key = {(plan.attributes.key + step) % 12 for step in SCALES[plan.attributes.mode]}
        tones.add(minor_third if minor_third in in_key else (minor_third + 1) % 12)
    return [pitch for pitch in range(centre - 7, centre + 8) if pitch % 12 in tones]


def _nearest(pitches: list[int], target: int) -> int:
    return min(pitches, key=lambda pitch: (abs(pitch - target), pitch))


def _bend(scale: list[int], anchor: int, bend: int) -> int:
    place = min(range(len(scale)), key=lambda i: abs(scale[i] - anchor))
    return scale[min(max(place + bend, 0), len(scale) - 1)]
