"""Timing stages in rounds, all cores at once, so that a busy moment hits all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Stage = Callable[[Any], object]


def time_rounds(
    stages: Mapping[str, Callable[[], object]], rounds: int, told: Callable[[int, int], None]
) -> dict[str, NDArray[np.float64]]:
    """Run every stage once a round, one after another.

    Args:
        stages: Name → what does all of a stage's work once.
        rounds: How often; a round before the first warms caches and pools and is not counted.
        told: Called with (stages run, in all).

    Returns:
        Name → (rounds,) wall seconds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in stages}
    total = (rounds + 1) * len(stages)
    done = 0
    for number in range(rounds + 1):
        for name, run in stages.items():
            start = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - start)
            done += 1
            told(done, total)
    return {name: np.array(values) for name, values in seconds.items()}


def on_every_core(pool: ThreadPoolExecutor, stage: Stage, items: Sequence[Any]) -> None:
    """Give each item to the next free worker, and wait for all."""
    for _ in pool.map(stage, items):
        pass
