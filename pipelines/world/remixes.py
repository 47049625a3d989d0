"""Remixes: tracks of a world that are an earlier one made anew, with something changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from core.randomness import generator
from pipelines.music.attributes import TrackAttributes
from pipelines.music.composer import compose
from pipelines.music.percussion import KITS, kit_named
from pipelines.music.score import DRUMS
from pipelines.music.style import STYLES, style_named
from pipelines.world.catalogue import Catalogue, draw_catalogue
from pipelines.world.config import WorldConfig
from pipelines.world.names import number_repeats
from pipelines.world.releases import P_LABELLED, Releases, Remixes, draw_releases, draw_tags
from pipelines.world.shortage import starved
from ranking.catalogue import Origin

KINDS: Mapping[str, tuple[str, ...]] = {
    "kit": ("kit",),
    "bass": ("bass",),
    "pad": ("pad",),
    "lead": ("lead",),
    "take": ("take",),
    "energy": ("energy",),
    "key": ("key",),
    "tempo": ("tempo",),
    "rework": ("kit", "bass", "pad", "lead", "take", "tempo"),
}
"""Kind of remix → what it changes. The mild ones keep everything else to the note."""

P_ASSISTED = 0.25  # of the remixes that nobody asked a generator for on trial
ENERGY_STEP = 0.25
TEMPO_CHANGE = (0.03, 0.08)  # of the beats a minute, either way
STRUCK_SHARE = 0.5  # of the hits that must sound different for a kit to be another one
_PARTS = {"bass": "basses", "pad": "pads", "lead": "leads"}


def draw_tracks(config: WorldConfig) -> tuple[Catalogue, Releases]:
    """Draw the tracks of a world: composed ones, of which some are remixes of others.

    Args:
        config: The world. Tracks that are no remixes are the same whatever `remix_share` is, and
            all are the same whatever is starved, where they are there.
    """
    catalogue = draw_catalogue(config.tracks, config.seed, config.track_seconds)
    releases = draw_releases(catalogue, config)
    remixes = draw_remixes(catalogue, releases, config)
    catalogue = _remixed(catalogue, remixes, config.seed)
    releases = _released(catalogue, releases, remixes, config.seed)
    return starved(catalogue, releases, config)


def draw_remixes(catalogue: Catalogue, releases: Releases, config: WorldConfig) -> Remixes:
    """Draw which tracks are remixes, each of an earlier one of its style that is none itself.

    Args:
        catalogue: The tracks as they would be without remixes.
        releases: When they come out.
        config: The world; fewer tracks than `remix_share` are remixes where there is nothing left
            to make one from.
    """
    rng = generator(config.seed, "remixes")
    count = len(catalogue.attributes)
    parents = np.full(count, -1, dtype=np.int64)
    kinds = [""] * count
    styles = np.array([track.style for track in catalogue.attributes])
    wanted = round(config.remix_share * count)
    taken: set[tuple[int, str]] = set()
    for row in rng.permutation(count).tolist():
        if wanted == 0:
            break
        earlier = (releases.released_at_ms < releases.released_at_ms[row]) & ~releases.trial
        pool = np.flatnonzero(earlier & (parents < 0) & (styles == styles[row]))
        if row in parents or not pool.size:
            continue
        parent = int(rng.choice(pool))
        # Two remixes of one kind of one track might be the very same recording.
        fresh = [name for name in KINDS if (parent, name) not in taken]
        if fresh:
            parents[row], kinds[row] = parent, _pick(fresh, rng)
            taken.add((parent, kinds[row]))
            wanted -= 1
    return Remixes(parents, tuple(kinds))


def remixed(track: TrackAttributes, kind: str, rng: np.random.Generator) -> TrackAttributes:
    """Return what a track becomes where something about it is changed.

    Args:
        track: The original.
        kind: One of `KINDS`.
        rng: Decides what it is changed to; never to what it was.
    """
    for aspect in KINDS[kind]:
        track = _changed(track, aspect, rng)
    return track


def _changed(track: TrackAttributes, aspect: str, rng: np.random.Generator) -> TrackAttributes:
    if aspect in _PARTS:
        changes: dict[str, Any] = {aspect: _other_sound(track, aspect, rng)}
        return replace(track, **changes)
    if aspect == "kit":
        return replace(track, kit=_pick(_other_kits(track), rng))
    if aspect == "take":
        return replace(track, seed=int(rng.integers(2**32)))
    if aspect == "energy":
        step = ENERGY_STEP if track.energy < 0.5 else -ENERGY_STEP
        return replace(track, energy=round(track.energy + step, 3))
    if aspect == "key":
        return replace(track, key=(track.key + int(rng.integers(1, 12))) % 12)
    change = 1.0 + rng.uniform(*TEMPO_CHANGE)
    faster = rng.random() < 0.5
    bpm = track.tempo_bpm * change if faster else track.tempo_bpm / change
    return replace(track, tempo_bpm=round(bpm, 1))


def _other_sound(track: TrackAttributes, part: str, rng: np.random.Generator) -> str:
    """Return another sound for a part: one of the style, or of any style where it has no other."""
    own = getattr(track, part)
    lists = [getattr(style, _PARTS[part]) for style in (style_named(track.style), *STYLES.values())]
    known = [[name for name in names if name != own] for names in lists]
    return _pick(known[0] or sorted({name for names in known for name in names}), rng)


def _other_kits(track: TrackAttributes) -> list[str]:
    """Return the kits by which at least half of the hits sound different, or else the most."""
    hits = np.bincount(compose(track).hits.drum, minlength=len(DRUMS))
    own = kit_named(track.kit)
    struck = {
        name: sum(hits[row] for row, drum in enumerate(DRUMS) if kit[drum] != own[drum])
        for name, kit in KITS.items()
    }
    enough = min(STRUCK_SHARE * hits.sum(), max(struck.values()))
    return [name for name, share in struck.items() if name != track.kit and share >= enough]


def _remixed(catalogue: Catalogue, remixes: Remixes, seed: int) -> Catalogue:
    """Return the catalogue with its remixes in the place of what would stand there."""
    attributes, titles = list(catalogue.attributes), list(catalogue.titles)
    for row, parent, rng in _draws(remixes, seed):
        attributes[row] = remixed(catalogue.attributes[parent], remixes.kinds[row], rng)
        maker = catalogue.creators[catalogue.creator_rows[row]].name
        titles[row] = f"{catalogue.titles[parent]} ({maker} Remix)"
    return replace(catalogue, attributes=tuple(attributes), titles=number_repeats(titles))


def _released(catalogue: Catalogue, releases: Releases, remixes: Remixes, seed: int) -> Releases:
    """Return the releases of a catalogue with remixes, which people do not make by hand."""
    origins, labelled = releases.origins.copy(), releases.labelled.copy()
    tags = list(releases.tags)
    for row, _, rng in _draws(remixes, seed, "releases"):
        tags[row] = draw_tags(catalogue.attributes[row], rng)
        assisted, stated = rng.random() < P_ASSISTED, rng.random() < P_LABELLED
        if not releases.trial[row]:
            origins[row] = Origin.ASSISTED if assisted else Origin.GENERATED
            labelled[row] = stated
    return replace(releases, origins=origins, labelled=labelled, tags=tuple(tags), remixes=remixes)


def _draws(
    remixes: Remixes, seed: int, *names: str
) -> Iterator[tuple[int, int, np.random.Generator]]:
    """Yield row and parent of each remix, with a generator of its own."""
    for row in remixes.rows.tolist():
        yield row, int(remixes.parents[row]), generator(seed, "remixes", *names, row)


def _pick(names: list[str], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))]
