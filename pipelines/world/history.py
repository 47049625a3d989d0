"""History: the world's days before the engine, when charts pages and search were all there was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.events import DAY_MS
from core.randomness import generator
from pipelines.job import Progress
from pipelines.world.behaviour import moment_appeal
from pipelines.world.choice import chart_weights, propensities, race, sought_weights
from pipelines.world.config import BehaviourConfig, WorldConfig
from pipelines.world.meeting import Meeting, listens, meet, remember
from pipelines.world.memory import Memory
from pipelines.world.scene import Scene
from pipelines.world.sessions import Sessions, plan_day

BLOCK_CELLS = 4_000_000  # listeners × tracks weighed at once; bounds the memory


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What happened.

    Args:
        listens: One row a started track (`meeting.listens`).
        slots: One row a slot of a charts page: key, step, slot, user_row, track_row, at_ms,
            weight, propensity.
    """

    listens: pl.DataFrame
    slots: pl.DataFrame


def live_through(scene: Scene, memory: Memory, config: WorldConfig, progress: Progress) -> History:
    """Let listeners live through the days of a world; the memory becomes what they have after it.

    Args:
        scene: The world.
        memory: What they carry on day 0; changed in place.
        config: The world's.
        progress: Shows the days pass.
    """
    heard: list[pl.DataFrame] = []
    shown: list[pl.DataFrame] = []
    for day in progress.track(range(config.days), "listening", config.days):
        start_ms = config.start_ms + day * DAY_MS
        sessions = plan_day(scene.population, day, start_ms, config.behaviour, config.seed)
        rng = generator(config.seed, "history", day)
        on_air = scene.on_air_from_ms <= start_ms
        for block in _blocks(sessions, scene.tracks):
            told, slots = _sit_down(scene, memory, block, on_air, config.behaviour, rng)
            heard += told
            shown += slots
        memory.sleep(config.behaviour)
    return History(pl.concat(heard), pl.concat(shown))


def seek_out(
    scene: Scene,
    memory: Memory,
    sessions: Sessions,
    on_air: NDArray[np.bool_],
    config: BehaviourConfig,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return (m, k) the tracks that the listeners of sessions look for; -1 beyond `sought`."""
    users = sessions.user_rows
    appeal = moment_appeal(
        scene.lasting[users], memory.exposures[users], scene.population.novelty[users], config
    )
    findable = scene.allowed[users] & on_air & (memory.opinions[users] >= 0)
    weights = sought_weights(
        appeal, memory.popularity, findable, config.organic_taste, config.organic_popularity
    )
    drawn = race(weights, max(1, int(sessions.sought.max())), rng)
    return np.where(np.arange(drawn.shape[1]) < sessions.sought[:, None], drawn, -1)


def _blocks(sessions: Sessions, tracks: int) -> Iterator[Sessions]:
    """Yield sessions of one round at a time, so that no listener stands in a block twice."""
    size = max(1, BLOCK_CELLS // tracks)
    for turn in range(int(sessions.rounds.max(initial=-1)) + 1):
        rows = np.flatnonzero(sessions.rounds == turn)
        for first in range(0, rows.size, size):
            yield sessions.take(rows[first : first + size])


def _sit_down(
    scene: Scene,
    memory: Memory,
    sessions: Sessions,
    on_air: NDArray[np.bool_],
    config: BehaviourConfig,
    rng: np.random.Generator,
) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """Run sessions from their first search to their last page."""
    heard, shown = [], []
    sought = seek_out(scene, memory, sessions, on_air, config, rng)
    met = meet(scene, memory, sessions.user_rows, sought, sessions.start_ms, True, config, rng)
    remember(memory, scene, met)
    heard.append(listens(met, scene, sessions.keys, 0, chosen=True))
    now_ms = met.end_ms
    for step in range(1, int(sessions.pages.max()) + 1):
        going_on = sessions.pages >= step
        sessions, now_ms = sessions.take(going_on), now_ms[going_on]
        met, slots = _show_charts(scene, memory, sessions, now_ms, step, on_air, config, rng)
        remember(memory, scene, met)
        heard.append(listens(met, scene, sessions.keys, step, chosen=False))
        shown.append(slots)
        now_ms = met.end_ms
    return heard, shown


def _show_charts(
    scene: Scene,
    memory: Memory,
    sessions: Sessions,
    now_ms: NDArray[np.int64],
    step: int,
    on_air: NDArray[np.bool_],
    config: BehaviourConfig,
    rng: np.random.Generator,
) -> tuple[Meeting, pl.DataFrame]:
    """Show one charts page a session and let the listeners go through it."""
    charts = chart_weights(memory.popularity, on_air, config.chart_power, config.chart_exploration)
    weights = charts * scene.allowed[sessions.user_rows]
    drawn = race(weights, config.page_size, rng)
    met = meet(scene, memory, sessions.user_rows, drawn, now_ms, False, config, rng)
    page, slot = np.nonzero(drawn >= 0)
    slots = pl.DataFrame(
        {
            "key": sessions.keys[page],
            "step": np.full(page.size, step, dtype=np.int32),
            "slot": slot.astype(np.int32),
            "user_row": sessions.user_rows[page],
            "track_row": drawn[page, slot],
            "at_ms": now_ms[page],
            "weight": weights[page, drawn[page, slot]],
            "propensity": propensities(weights, drawn)[page, slot],
        }
    )
    return met, slots
