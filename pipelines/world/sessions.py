"""Sessions: who sits down to listen on a day, when, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.randomness import generator
from pipelines.world.config import BehaviourConfig
from pipelines.world.population import Population

MAX_ROUNDS = 4  # sessions of one listener on one day
MAX_PAGES = 6
LAST_HOUR = 23.0  # a session begins before it, so that it ends within its day
HOUR_MS = 3_600_000
KEY_STRIDE = 1_000_000  # above the number of listeners


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """The sessions of one day, in order of round; one row a session.

    Args:
        user_rows: (m,) whose.
        rounds: (m,) the how manieth of this listener's day, from 0.
        start_ms: (m,) when it begins.
        sought: (m,) how many tracks the listener seeks out first.
        pages: (m,) how many pages they may ask for after that.
        keys: (m,) distinct over all days.
    """

    user_rows: NDArray[np.int64]
    rounds: NDArray[np.int64]
    start_ms: NDArray[np.int64]
    sought: NDArray[np.int64]
    pages: NDArray[np.int64]
    keys: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.user_rows.size)

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Sessions:
        """Return the sessions at positions or of a mask."""
        return Sessions(
            self.user_rows[which],
            self.rounds[which],
            self.start_ms[which],
            self.sought[which],
            self.pages[which],
            self.keys[which],
        )

    def owned_by(self, user_rows: NDArray[np.int64]) -> Sessions:
        """Return the same sessions with other rows for their listeners."""
        return replace(self, user_rows=user_rows)


def plan_day(
    population: Population, day: int, day_start_ms: int, config: BehaviourConfig, seed: int
) -> Sessions:
    """Draw the sessions of one day.

    Args:
        population: Everyone.
        day: From 0 at the world's start; the same day of a world has the same sessions.
        day_start_ms: Its midnight, UTC.
        config: How long sessions are.
        seed: The world's.
    """
    rng = generator(seed, "sessions", day)
    users = len(population)
    counts = np.minimum(rng.poisson(population.activity), MAX_ROUNDS)
    hours = population.peak_hour[:, None] + rng.normal(0.0, 2.5, (users, MAX_ROUNDS))
    hours = np.where(np.arange(MAX_ROUNDS) < counts[:, None], hours % LAST_HOUR, np.inf)
    hours.sort(axis=1)  # those that do not take place come last
    rounds, user_rows = np.nonzero(np.isfinite(hours.T))
    more = rng.geometric(1.0 - config.p_more, user_rows.size)
    return Sessions(
        user_rows=user_rows,
        rounds=rounds,
        start_ms=day_start_ms + (hours[user_rows, rounds] * HOUR_MS).astype(np.int64),
        sought=rng.poisson(config.organic_tracks, user_rows.size).astype(np.int64),
        pages=np.minimum(more, MAX_PAGES).astype(np.int64),
        keys=(day * MAX_ROUNDS + rounds) * KEY_STRIDE + user_rows,
    )
