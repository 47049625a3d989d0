"""Accompaniment: chords, bass and drums, bar by bar from the groove."""

import numpy as np

from pipelines.music.form import Bar, Plan
from pipelines.music.groove import FORCE, STEPS_PER_BEAT
from pipelines.music.harmony import Chord, lead_voices
from pipelines.music.melody import span_at
from pipelines.music.score import HitEvent, NoteEvent

BASS_CENTRE = 38  # D2: every root lies within 33 (A1) and 44 (G#2)
STRUM_S = 0.012  # a relaxed hand crosses four strings in about 40 ms
LIGHT_DRUMS = frozenset({"hat", "ride", "shaker", "rim", "open"})
_FILL = ("snare", "snare", "tom_high", "tom_low")


def write_pad(plan: Plan, centre: int, rng: np.random.Generator) -> list[NoteEvent]:
    """Write the chord part in the figure of the groove.

    Args:
        plan: The form and the chords.
        centre: MIDI pitch around which the hand stays.
        rng: Source of chance.

    Returns:
        Note events of the part `pad`.
    """
    voiced = lead_voices([*(span.chord for span in plan.spans), plan.tonic()], centre)
    events: list[NoteEvent] = []
    for bar in plan.bars:
        force = (0.5 + 0.4 * bar.intensity) * float(rng.uniform(0.95, 1.0))
        events.extend(_play_figure(plan, bar, voiced, force))
    rest_s = plan.attributes.duration_s - plan.tail_s
    events.extend((plan.tail_s, rest_s, pitch, 0.75, "pad") for pitch in voiced[-1])
    return events


def _play_figure(
    plan: Plan, bar: Bar, voiced: list[tuple[int, ...]], force: float
) -> list[NoteEvent]:
    groove, first = plan.groove, bar.index * plan.groove.steps
    onsets = [step for step, sign in enumerate(groove.chords) if sign in FORCE]
    if groove.figure == "sustain":  # a held chord must move when the harmony does
        onsets = sorted({*onsets, *range(0, groove.steps, plan.spans[0].steps)})
    ends = [*onsets[1:], groove.steps]
    events: list[NoteEvent] = []
    for count, (step, end) in enumerate(zip(onsets, ends, strict=True)):
        pitches = voiced[(first + step) // plan.spans[0].steps]
        loud = force * FORCE.get(groove.chords[step], 0.75)
        events.extend(_touch(plan, first + step, first + end, pitches, loud, count))
    return events


def _touch(
    plan: Plan, step: int, end: int, pitches: tuple[int, ...], force: float, count: int
) -> list[NoteEvent]:
    at, until = plan.time_of(step), plan.time_of(end)
    figure = plan.groove.figure
    if figure == "arpeggio":
        ladder = (*pitches, pitches[0] + 12, *pitches[:0:-1])
        return [(at, max(until - at, 2 * plan.step_s), ladder[count % len(ladder)], force, "pad")]
    if figure == "strum":
        return [
            (at + i * STRUM_S, until - at - i * STRUM_S, pitch, force, "pad")
            for i, pitch in enumerate(pitches)
        ]
    held_s = min(until - at, 1.6 * plan.step_s) if figure == "stab" else until - at
    return [(at, held_s, pitch, force, "pad") for pitch in pitches]


def write_bass(plan: Plan) -> list[NoteEvent]:
    """Write the bass line: roots where chords change, the groove's figure in between."""
    events: list[NoteEvent] = []
    steps = plan.groove.steps
    for bar in plan.bars:
        first = bar.index * steps
        line = plan.groove.bass
        onsets = [step for step, sign in enumerate(line) if sign not in ".="]
        for step, end in zip(onsets, [*onsets[1:], steps], strict=True):
            held = 1 + len(line[step + 1 : end]) - len(line[step + 1 : end].lstrip("="))
            pitch = _bass_pitch(plan, first + step, line[step])
            at = plan.time_of(first + step)
            length = 0.92 * (plan.time_of(first + step + held) - at)
            events.append((at, length, pitch, 0.65 + 0.3 * bar.intensity, "bass"))
    rest_s = plan.attributes.duration_s - plan.tail_s
    return [*events, (plan.tail_s, rest_s, bass_root(plan.tonic()), 0.85, "bass")]


def bass_root(chord: Chord) -> int:
    """Place the root of a chord in the bass octave, 33 to 44."""
    low = BASS_CENTRE - 5
    return low + (chord.root - low) % 12


def _bass_pitch(plan: Plan, step: int, sign: str) -> int:
    chord = span_at(plan, step).chord
    root = bass_root(chord)
    if sign == "5":
        return root + (chord.intervals[2] if chord.intervals[-1] != 12 else 7)
    if sign == "O":
        return root + 12
    if sign == "3":
        return root + chord.intervals[1]
    if sign == "A":  # lean towards the next root from a semitone above or below
        target = bass_root(span_at(plan, step + STEPS_PER_BEAT).chord)
        return target + (1 if target < root else -1)
    return root


def write_drums(plan: Plan, rng: np.random.Generator) -> list[HitEvent]:
    """Write the drums: the groove thinned or thickened by energy, fills at the ends of sections."""
    hits: list[HitEvent] = []
    for bar in plan.bars:
        drive = bar.intensity * (0.35 + 0.65 * plan.attributes.energy)
        hits.extend(_play_lines(plan, bar, drive, rng))
        if bar.within == 0 and bar.section == "chorus" and drive > 0.5:
            hits.append((plan.time_of(bar.index * plan.groove.steps), 0.7, "crash"))
    last = "crash" if plan.attributes.energy > 0.55 else "kick"
    return [*hits, (plan.tail_s, 0.5 + 0.3 * plan.attributes.energy, last)]


def _play_lines(plan: Plan, bar: Bar, drive: float, rng: np.random.Generator) -> list[HitEvent]:
    steps, drums = plan.groove.steps, plan.groove.drums
    fill_from = steps - STEPS_PER_BEAT if _has_fill(plan, bar, drive) else steps
    hits: list[HitEvent] = []
    for drum, line in drums.items():
        if bar.intensity <= 0.5 and drum not in LIGHT_DRUMS and plan.attributes.energy < 0.45:
            continue
        for step, sign in enumerate(line[:fill_from]):
            force = _force(sign, drive, rng)
            if force > 0:
                hits.append((plan.time_of(bar.index * steps + step), force, drum))
    for step in range(fill_from, steps):
        drum = _FILL[(step - fill_from) % len(_FILL)]
        hits.append((plan.time_of(bar.index * steps + step), 0.6 + 0.3 * drive, drum))
    return hits


def _has_fill(plan: Plan, bar: Bar, drive: float) -> bool:
    return bar.is_last and drive > 0.4 and "snare" in plan.groove.drums


def _force(sign: str, drive: float, rng: np.random.Generator) -> float:
    chance, shade = rng.random(), float(rng.uniform(0.88, 1.0))
    if sign not in FORCE or (sign == "o" and chance > 0.35 + 0.9 * drive):
        return 0.0
    return FORCE[sign] * shade * (0.6 + 0.4 * drive)
