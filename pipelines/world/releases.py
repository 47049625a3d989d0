"""Releases: when the world's tracks come out, who or what made them, and how they are tagged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.events import DAY_MS
from core.randomness import generator
from core.tables import TIME
from pipelines.music.attributes import TrackAttributes
from pipelines.world.catalogue import Catalogue
from pipelines.world.config import WorldConfig
from ranking.catalogue import Origin

P_RELEASED_BEFORE = 0.7
BACK_CATALOGUE_DAYS = 400
TRIAL_SHARE = 0.04
P_ORIGIN = (0.7, 0.25, 0.05)  # human, generated, assisted
P_LABELLED = 0.85  # of the tracks that are not human: the rest hide what made them
P_TAG_MISSING = 0.25
P_TAG_WRONG = 0.06
CREATOR_QUALITY = 0.5  # correlation of a track's quality with its creator's
AUDIO_FOLDER = "world"
GENERATORS = ("aria-2", "nocturne-1")
TEMPO_WORDS = ((90.0, "slow"), (126.0, "mid-tempo"), (999.0, "fast"))
ENERGY_WORDS = ((0.35, "calm"), (0.65, "steady"), (9.0, "energetic"))
BRIGHTNESS_WORDS = ((0.4, "dark"), (0.6, "warm"), (9.0, "bright"))


@dataclass(frozen=True, slots=True, eq=False)
class Remixes:
    """Which of n tracks are remixes, and of what.

    Args:
        parents: (n,) row of the track it was made from; -1 where a track is no remix.
        kinds: (n,) what was changed, a name in `remixes.KINDS`; "" where a track is no remix.
    """

    parents: NDArray[np.int64]
    kinds: tuple[str, ...]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Return the rows of the remixes, ascending."""
        return np.flatnonzero(self.parents >= 0)

    def take(self, rows: NDArray[np.int64]) -> Remixes:
        """Return what holds of some rows; a remix whose original is left out becomes one of none.

        Args:
            rows: (k,) ascending.
        """
        place = np.full(self.parents.size + 1, -1)  # the last one stands for "no parent"
        place[rows] = np.arange(rows.size)
        parents = place[self.parents[rows]]
        kinds = (self.kinds[row] for row in rows)
        return Remixes(
            parents, tuple(k if p >= 0 else "" for k, p in zip(kinds, parents, strict=True))
        )


@dataclass(frozen=True, slots=True, eq=False)
class Releases:
    """n tracks as the world knows them, beside their attributes.

    Args:
        quality: (n,) standard normal; nobody is told.
        fame: (n,) plays that the charts remember on day 0.
        origins: (n,) int8 `Origin`.
        labelled: (n,) whether the provenance is stated; always true of human tracks.
        trial: (n,) whether the track is on trial and unheard.
        released_at_ms: (n,) epoch milliseconds.
        tags: (n,) the words people would file it under, some missing, some wrong.
        remixes: Which of them are remixes.
    """

    quality: NDArray[np.float32]
    fame: NDArray[np.float32]
    origins: NDArray[np.int8]
    labelled: NDArray[np.bool_]
    trial: NDArray[np.bool_]
    released_at_ms: NDArray[np.int64]
    tags: tuple[tuple[str, ...], ...]
    remixes: Remixes

    def take(self, rows: NDArray[np.int64]) -> Releases:
        """Return the releases of some rows, ascending."""
        return Releases(
            quality=self.quality[rows],
            fame=self.fame[rows],
            origins=self.origins[rows],
            labelled=self.labelled[rows],
            trial=self.trial[rows],
            released_at_ms=self.released_at_ms[rows],
            tags=tuple(self.tags[row] for row in rows),
            remixes=self.remixes.take(rows),
        )


def draw_releases(catalogue: Catalogue, config: WorldConfig) -> Releases:
    """Draw what the composer does not decide, as if no track were a remix."""
    rng = generator(config.seed, "releases")
    count = len(catalogue.attributes)
    trial = _some(count, TRIAL_SHARE, rng)
    origins = np.where(trial, Origin.GENERATED, rng.choice(len(Origin), count, p=P_ORIGIN))
    before = (rng.random(count) < P_RELEASED_BEFORE) & ~trial
    quality = _draw_quality(catalogue.creator_rows, rng)
    fame = 3.0 * np.exp(0.5 * quality + rng.standard_normal(count)) * before
    return Releases(
        quality=quality,
        fame=fame.astype(np.float32),
        origins=origins.astype(np.int8),
        labelled=(origins == Origin.HUMAN) | trial | (rng.random(count) < P_LABELLED),
        trial=trial,
        released_at_ms=_draw_release_times(before, trial, config, rng),
        tags=tuple(draw_tags(track, rng) for track in catalogue.attributes),
        remixes=Remixes(np.full(count, -1), ("",) * count),
    )


def creator_ids(count: int) -> tuple[str, ...]:
    """Return the ids of the world's creators, in order."""
    return tuple(f"creator-{number:04d}" for number in range(count))


def track_frame(catalogue: Catalogue, releases: Releases) -> pl.DataFrame:
    """Return the tracks as the table of tracks holds them, without their recordings."""
    count = len(catalogue.attributes)
    ids, makers = catalogue.track_ids, creator_ids(len(catalogue.creators))
    states_maker = (releases.origins != Origin.HUMAN) & releases.labelled
    generator_of = ["segue-world" if stated else None for stated in states_maker]
    model_of = [
        GENERATORS[row % len(GENERATORS)] if stated else None
        for row, stated in enumerate(states_maker)
    ]
    prompts = [
        ", ".join(tags) if stated else None
        for tags, stated in zip(releases.tags, states_maker, strict=True)
    ]
    return pl.DataFrame(
        {
            "track_id": ids,
            "creator_id": [makers[row] for row in catalogue.creator_rows],
            "title": catalogue.titles,
            "artist": [catalogue.creators[row].name for row in catalogue.creator_rows],
            "genre": [track.style for track in catalogue.attributes],
            "origin": [Origin(code).name.lower() for code in releases.origins],
            "status": ["trial" if on_trial else "active" for on_trial in releases.trial],
            "explicit": [False] * count,
            "language": ["instrumental"] * count,
            "duration_ms": [round(track.duration_s * 1000) for track in catalogue.attributes],
            "released_at": pl.Series(releases.released_at_ms).cast(TIME),
            "tags": [list(tags) for tags in releases.tags],
            "audio_path": [f"{AUDIO_FOLDER}/{track_id}.ogg" for track_id in ids],
            "generator": generator_of,
            "model": model_of,
            "prompt": prompts,
            "parents": [[ids[row]] if row >= 0 else [] for row in releases.remixes.parents],
        },
        schema_overrides={
            "generator": pl.String,
            "model": pl.String,
            "prompt": pl.String,
            "parents": pl.List(pl.String),
        },
    )


def _some(count: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return (count,) with the rounded share of true values, at least one."""
    chosen = np.zeros(count, dtype=np.bool_)
    chosen[rng.choice(count, max(1, round(share * count)), replace=False)] = True
    return chosen


def _draw_quality(creator_rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float32]:
    of_creator = rng.standard_normal(int(creator_rows.max()) + 1)[creator_rows]
    own = rng.standard_normal(creator_rows.size)
    mixed = CREATOR_QUALITY * of_creator + np.sqrt(1.0 - CREATOR_QUALITY**2) * own
    return np.asarray(mixed, dtype=np.float32)


def _draw_release_times(
    before: NDArray[np.bool_],
    trial: NDArray[np.bool_],
    config: WorldConfig,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    drawn = rng.random(before.size)
    day = np.where(before, -BACK_CATALOGUE_DAYS * drawn, config.days * drawn)
    day = np.where(trial, config.days - drawn, day)  # trial tracks arrive on the last day
    return np.asarray(config.start_ms + (day * DAY_MS).astype(np.int64))


def draw_tags(track: TrackAttributes, rng: np.random.Generator) -> tuple[str, ...]:
    """Draw the words a track is filed under: true ones, some missing, some wrong."""
    mode = "happy" if track.mode == "major" else "melancholic"
    aspects = (
        (track.style, (track.style,)),
        (_word(track.tempo_bpm, TEMPO_WORDS), tuple(word for _, word in TEMPO_WORDS)),
        (_word(track.energy, ENERGY_WORDS), tuple(word for _, word in ENERGY_WORDS)),
        (_word(track.brightness, BRIGHTNESS_WORDS), tuple(word for _, word in BRIGHTNESS_WORDS)),
        (mode, ("happy", "melancholic")),
        (track.lead, (track.lead,)),
    )
    kept = []
    for place, (word, others) in enumerate(aspects):
        said = str(rng.choice(others)) if rng.random() < P_TAG_WRONG else word
        if place == 0 or rng.random() >= P_TAG_MISSING:
            kept.append(said)
    return tuple(kept)


def _word(value: float, words: tuple[tuple[float, str], ...]) -> str:
    return next(word for limit, word in words if value < limit)
