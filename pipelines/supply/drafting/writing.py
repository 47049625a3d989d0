"""Writing briefs: what a gap's loved tracks have in common, as numbers and in plain words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from core.events import DAY_MS
from embeddings.measures.recording import Measures
from pipelines.supply.drafting.configuration import DraftingConfig
from ranking.supply.brief import INSTRUMENTAL, PROMPT_CHARS, Brief
from ranking.supply.gap import Gap

CALM, DRIVING = 0.35, 0.65  # energy below and above which the words are used
DARK, BRIGHT = 0.4, 0.6  # likewise of brightness
CERTAIN_KEY = 0.1  # margin over the next best key from which a recording's key is believed


@dataclass(frozen=True, slots=True)
class KnownTrack:
    """What the store says of a loved track."""

    audio_path: str | None
    language: str | None
    tags: tuple[str, ...]


def briefs_for(
    gap: Gap,
    known: Mapping[str, KnownTrack],
    heard: Mapping[str, Measures],
    config: DraftingConfig,
    now_ms: int,
) -> tuple[Brief, ...]:
    """Return the briefs of one gap.

    Args:
        gap: What is short.
        known: Its loved and exhausted tracks, as the store has them.
        heard: What was measured of the recordings of some.
        config: How much.
        now_ms: The moment.
    """
    wanted = math.ceil(gap.missing_tracks / config.liked_share)
    wanted = min(config.tracks_per_gap, max(1, wanted))
    aims = [name for name in dict.fromkeys((*gap.loved, *gap.exhausted)) if name in known]
    groups = min(config.briefs_per_gap, wanted, max(1, len(aims)))
    days = max(config.least_days, gap.days_until_dry.p50)
    shares = [wanted // groups + (number < wanted % groups) for number in range(groups)]
    return tuple(
        _brief(gap, number, count, aims[number::groups], known, heard, config)
        .model_copy(update={"deadline_ms": now_ms + round(days * DAY_MS)})
        for number, count in enumerate(shares)
    )  # fmt: skip


def _brief(
    gap: Gap,
    number: int,
    count: int,
    aims: Sequence[str],
    known: Mapping[str, KnownTrack],
    heard: Mapping[str, Measures],
    config: DraftingConfig,
) -> Brief:
    found = [heard[name] for name in aims if name in heard][: config.listened_to]
    language = _most([known[name].language for name in aims]) or INSTRUMENTAL
    beats = [each.tempo.bpm for each in found if math.isfinite(each.tempo.bpm)]
    tempo = median(beats) if beats else None
    energy = median(each.energy for each in found) if found else None
    brightness = median(each.brightness for each in found) if found else None
    sure = [each.key.name for each in found if each.key.margin >= CERTAIN_KEY]
    key = _most(sure)
    tags = _tags(gap, [known[name].tags for name in aims])
    return Brief(
        title=f"{gap.label} ({number + 1})",
        tags=tags,
        tempo_bpm=None if tempo is None else round(min(220.0, max(40.0, tempo)), 1),
        key=key,
        energy=None if energy is None else round(min(1.0, max(0.0, energy)), 2),
        brightness=None if brightness is None else round(min(1.0, max(0.0, brightness)), 2),
        seconds=config.seconds,
        language=language,
        count=count,
        deadline_ms=0,
        prompt=prompt_for(tags, tempo, key, energy, brightness, language),
        references=tuple(aims[:10]),
    )


def prompt_for(
    tags: Sequence[str],
    tempo_bpm: float | None,
    key: str | None,
    energy: float | None,
    brightness: float | None,
    language: str,
) -> str:
    """Return what is wanted in plain words, at most `PROMPT_CHARS` characters."""
    kind = "Instrumental" if language == INSTRUMENTAL else f"A song in the language {language}"
    parts = [f"{kind}: {', '.join(tags)}" if tags else kind]
    if tempo_bpm is not None:
        parts.append(f"about {tempo_bpm:.0f} beats a minute")
    if key is not None:
        parts.append(f"in {key}")
    if energy is not None:
        parts.append("calm" if energy < CALM else "driving" if energy > DRIVING else "steady")
    if brightness is not None:
        shade = "dark" if brightness < DARK else "bright" if brightness > BRIGHT else "warm"
        parts.append(f"a {shade} sound")
    return "; ".join(parts)[:PROMPT_CHARS]


def _tags(gap: Gap, told: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the segment's words first, then what its loved tracks are called most."""
    often = [tag for tag, _ in Counter(tag for tags in told for tag in tags).most_common(5)]
    return tuple(dict.fromkeys((*gap.words, *often)))[:8]


def _most(values: Sequence[str | None]) -> str | None:
    counted = Counter(value for value in values if value)
    return counted.most_common(1)[0][0] if counted else None
