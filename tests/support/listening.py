"""A small world without recordings: its tracks, its listeners, and what they did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from pipelines.job import Silent
from pipelines.music.attributes import TrackAttributes
from pipelines.music.audio_file import write_track
from pipelines.world.catalogue import Catalogue
from pipelines.world.config import WorldConfig
from pipelines.world.history import History, live_through
from pipelines.world.memory import Memory, blank_memory
from pipelines.world.population import draw_population
from pipelines.world.releases import Releases
from pipelines.world.remixes import draw_tracks
from pipelines.world.scene import Scene, set_scene


@dataclass(frozen=True, slots=True, eq=False)
class SilentWorld:
    """A world that was lived through."""

    config: WorldConfig
    catalogue: Catalogue
    releases: Releases
    scene: Scene
    memory: Memory
    history: History


def live(config: WorldConfig) -> SilentWorld:
    """Draw a world and let its listeners live through its days."""
    catalogue, releases = draw_tracks(config)
    population = draw_population(config.listeners, config.behaviour.sessions_a_day, config.seed)
    scene = set_scene(catalogue, releases, population, config.behaviour)
    memory = blank_memory(len(population), len(catalogue.creators), releases.fame)
    history = live_through(scene, memory, config, Silent())
    return SilentWorld(config, catalogue, releases, scene, memory, history)


@cache
def small_world() -> SilentWorld:
    """Return one world that many tests read; it costs about a second."""
    return live(WorldConfig(tracks=300, listeners=500, days=30, seed=7))


def record_silence(
    attributes: Sequence[TrackAttributes], paths: Sequence[Path], workers: int
) -> Iterator[Path]:
    """Stand in for rendering where nobody will listen: a tenth of a second of silence each."""
    del attributes, workers
    for path in paths:
        write_track(path, np.zeros(3_200, dtype=np.float32), 32_000)
        yield path
