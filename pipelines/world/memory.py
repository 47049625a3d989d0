"""Memory: what listeners carry from one session to the next; always derivable from their events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.events import DAY_MS
from pipelines.world.config import BehaviourConfig

OPINIONS = {"like": 1, "unlike": 0, "dislike": -1, "undislike": 0}


@dataclass(slots=True, eq=False)
class Memory:
    """The state of u listeners before n tracks and c creators; changed in place as they listen.

    Args:
        exposures: (u, n) shares heard, each fading day by day.
        opinions: (u, n) 1 liked, -1 disliked, 0 neither.
        follows: (u, c) whom they follow.
        popularity: (n,) plays of earlier days, fading day by day.
        plays_today: (n,) plays that the charts count from tomorrow.
    """

    exposures: NDArray[np.float32]
    opinions: NDArray[np.int8]
    follows: NDArray[np.bool_]
    popularity: NDArray[np.float32]
    plays_today: NDArray[np.float32]

    def sleep(self, config: BehaviourConfig) -> None:
        """Pass midnight: fatigue fades, and the day's plays enter the charts."""
        self.exposures *= np.float32(np.exp(-1.0 / config.fatigue_days))
        fading = np.float32(np.exp(-1.0 / config.popularity_days))
        self.popularity = (self.popularity + self.plays_today) * fading
        self.plays_today = np.zeros_like(self.popularity)

    def take(self, users: NDArray[np.int64]) -> Memory:
        """Return the memory of some listeners; charts stay everyone's."""
        return Memory(
            self.exposures[users],
            self.opinions[users],
            self.follows[users],
            self.popularity,
            self.plays_today,
        )


def blank_memory(users: int, creators: int, fame: NDArray[np.float32]) -> Memory:
    """Return the memory of listeners on day 0: nothing heard, charts by fame."""
    return Memory(
        exposures=np.zeros((users, fame.size), dtype=np.float32),
        opinions=np.zeros((users, fame.size), dtype=np.int8),
        follows=np.zeros((users, creators), dtype=np.bool_),
        popularity=fame.astype(np.float32),
        plays_today=np.zeros(fame.size, dtype=np.float32),
    )


def recall(
    events: pl.DataFrame,
    creator_rows: NDArray[np.int64],
    memory: Memory,
    start_ms: int,
    now_ms: int,
    config: BehaviourConfig,
) -> Memory:
    """Return the memory that listeners have at a midnight, from what they did before it.

    Args:
        events: Columns user_row, track_row, action, at_ms, share (of the track; for plays);
            all users, all before `now_ms`.
        creator_rows: (n,) who made each track.
        memory: The memory at the world's start; left as it is.
        start_ms: The world's start.
        now_ms: The midnight.
        config: How memory fades.
    """
    plays = events.filter(pl.col("action") == "play")
    age = (now_ms - start_ms) // DAY_MS - (plays["at_ms"].to_numpy() - start_ms) // DAY_MS
    users, tracks = plays["user_row"].to_numpy(), plays["track_row"].to_numpy()
    days = (now_ms - start_ms) / DAY_MS
    exposures = memory.exposures * np.float32(np.exp(-days / config.fatigue_days))
    np.add.at(
        exposures,
        (users, tracks),
        _f32(plays["share"].to_numpy() * np.exp(-age / config.fatigue_days)),
    )
    popularity = memory.popularity * np.float32(np.exp(-days / config.popularity_days))
    np.add.at(popularity, tracks, _f32(np.exp(-age / config.popularity_days)))
    opinions, follows = memory.opinions.copy(), memory.follows.copy()
    said = events.filter(pl.col("action").is_in(list(OPINIONS))).sort("at_ms", maintain_order=True)
    codes = said["action"].replace_strict(OPINIONS, return_dtype=pl.Int8).to_numpy()
    opinions[said["user_row"].to_numpy(), said["track_row"].to_numpy()] = (
        codes  # the last one stands
    )
    followed = events.filter(pl.col("action") == "follow")
    creators = creator_rows[followed["track_row"].to_numpy()]
    known = creators >= 0
    follows[followed["user_row"].to_numpy()[known], creators[known]] = True
    return Memory(exposures, opinions, follows, popularity, np.zeros_like(popularity))


def _f32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)
