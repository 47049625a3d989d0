"""Renderer: from a score to stereo audio."""

import numpy as np
from numpy.typing import NDArray

from core.randomness import generator
from pipelines.music.attributes import TrackAttributes
from pipelines.music.composer import compose
from pipelines.music.effects import (
    add_echo,
    add_room,
    bring_to_level,
    darken,
    duck_under,
    fade_ends,
    limit_peaks,
    remove_offset,
    saturate,
)
from pipelines.music.groove import groove_named
from pipelines.music.instruments import play_tone, timbre_named
from pipelines.music.percussion import strike_drum
from pipelines.music.score import DRUMS, PARTS, Part, Score
from pipelines.music.style import Mix, style_named

Audio = NDArray[np.float32]

SAMPLE_RATE_HZ = 32_000
PART_DB: dict[Part, float] = {"lead": -19.0, "pad": -20.0, "bass": -19.0}
DRUMS_DB = -19.0
LOUDNESS_DB = (-20.5, -14.5)  # RMS of the calmest and of the most driving track
WIDTH: dict[Part, float] = {"lead": 0.15, "pad": 0.5, "bass": 0.0}
DRUM_PAN = {"hat": 0.25, "open": 0.25, "ride": -0.35, "shaker": -0.3, "rim": 0.3, "tom_high": 0.2}


def render(score: Score, sample_rate_hz: int = SAMPLE_RATE_HZ) -> Audio:
    """Play a score with the instruments, the room and the mix of its style.

    Args:
        score: What to play.
        sample_rate_hz: Samples a second, 16,000 or more.

    Returns:
        (n, 2) float32 within ±0.89, n = duration_s × sample_rate_hz. Equal scores, equal samples.
    """
    attributes = score.attributes
    mix = style_named(attributes.style).mix
    n = int(attributes.duration_s * sample_rate_hz)
    melodic = _play_parts(score, mix, n, sample_rate_hz)
    drums_db = DRUMS_DB + mix.drums_db + 4.0 * (attributes.energy - 0.5)
    drums = bring_to_level(_play_drums(score, n, sample_rate_hz), drums_db, sample_rate_hz)
    mixed = add_room(melodic + drums, mix.room_s, mix.wet, sample_rate_hz)
    return np.ascontiguousarray(_master(mixed, attributes, mix, sample_rate_hz).T)


def render_track(attributes: TrackAttributes, sample_rate_hz: int = SAMPLE_RATE_HZ) -> Audio:
    """Compose and render in one go; see `compose` and `render`."""
    return render(compose(attributes), sample_rate_hz)


def _play_parts(score: Score, mix: Mix, n: int, sample_rate_hz: int) -> Audio:
    kicks_s = score.hits.start_s[score.hits.drum == DRUMS.index("kick")]
    ducking = duck_under(kicks_s, mix.duck, n, sample_rate_hz)
    groove = groove_named(score.attributes.rhythm)
    total = np.zeros((2, n), dtype=np.float32)
    for part in PARTS:
        played = _play_part(score, part, n, sample_rate_hz)
        played = bring_to_level(played, PART_DB[part], sample_rate_hz)
        if part == "lead" and mix.echo > 0:
            delay_s = groove.echo_beats * 60.0 / score.attributes.tempo_bpm
            played = add_echo(played, delay_s, mix.echo, sample_rate_hz)
        total += played if part == "lead" else played * ducking
    return total


def _play_part(score: Score, part: Part, n: int, sample_rate_hz: int) -> Audio:
    """Sum the notes of a part, panned by pitch; equal notes are synthesised once."""
    attributes, notes = score.attributes, score.notes
    timbre = timbre_named(getattr(attributes, part))
    played = np.zeros((2, n), dtype=np.float32)
    known: dict[tuple[int, float], Audio] = {}
    for i in np.flatnonzero(notes.part == PARTS.index(part)):
        pitch, held_s = int(notes.pitch[i]), round(float(notes.duration_s[i]), 2)
        tone = known.get((pitch, held_s))
        if tone is None:
            tone = play_tone(timbre, pitch, held_s, sample_rate_hz, attributes.brightness)
            known[(pitch, held_s)] = tone
        side = float(np.clip((pitch - timbre.centre) / 12.0, -1.0, 1.0)) * WIDTH[part]
        _add(played, tone, notes.start_s[i] * sample_rate_hz, notes.velocity[i], side)
    if timbre.drive > 0:
        played = np.stack([saturate(line, timbre.drive, sample_rate_hz) for line in played])
    return played


def _play_drums(score: Score, n: int, sample_rate_hz: int) -> Audio:
    hits, attributes = score.hits, score.attributes
    played = np.zeros((2, n), dtype=np.float32)
    for at, force, drum in zip(hits.start_s, hits.velocity, hits.drum, strict=True):
        brightness = round(attributes.brightness, 1)
        sound = strike_drum(attributes.kit, int(drum), sample_rate_hz, brightness)
        _add(played, sound, at * sample_rate_hz, force, DRUM_PAN.get(DRUMS[drum], 0.0))
    return played


def _add(played: Audio, sound: Audio, start: float, force: float, side: float) -> None:
    """Add a mono sound to (2, n) at a sample, between left (-1) and right (1)."""
    first = int(start)
    kept = sound[: max(0, played.shape[1] - first)]
    for channel, sign in ((0, -1.0), (1, 1.0)):
        gain = np.float32(force * np.sqrt(0.5 * (1.0 + sign * side)))
        played[channel, first : first + kept.size] += kept * gain


def _master(mixed: Audio, attributes: TrackAttributes, mix: Mix, sample_rate_hz: int) -> Audio:
    if mix.haze_hz > 0:
        cutoff_hz = mix.haze_hz * 2.0 ** (1.5 * (attributes.brightness - 0.5))
        mixed = darken(mixed, cutoff_hz, sample_rate_hz)
    low_db, high_db = LOUDNESS_DB
    level_db = low_db + (high_db - low_db) * attributes.energy
    loud = bring_to_level(remove_offset(mixed, sample_rate_hz), level_db, sample_rate_hz)
    if mix.crackle > 0:
        loud = loud + _crackle(attributes.seed, mix.crackle, loud.shape[1], sample_rate_hz)
    out_s = min(0.6, 0.1 * attributes.duration_s)
    return fade_ends(limit_peaks(loud), 0.004, out_s, sample_rate_hz)


def _crackle(seed: int, level: float, n: int, sample_rate_hz: int) -> Audio:
    """Make the hiss and the ticks of a worn record, (n,)."""
    rng = generator(seed, "crackle")
    noise = rng.standard_normal(n, dtype=np.float32) * np.float32(0.08 * level)
    ticks = rng.integers(0, n, int(9 * n / sample_rate_hz))
    noise[ticks] += rng.normal(0.0, 2.0 * level, ticks.size).astype(np.float32)
    return noise
