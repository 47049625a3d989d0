"""Timing stages in rounds, so that a moment in which the machine is busy hits all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Work = Callable[[], object]
Seconds = NDArray[np.float64]


def time_rounds(
    stages: Mapping[str, Work], rounds: int, told: Callable[[int, int], None]
) -> dict[str, Seconds]:
    """Run every stage once a round, one after another.

    Args:
        stages: Name → what does all of a stage's work once.
        rounds: How often; a round before the first warms caches and is not counted.
        told: Called with (stages run, in all).

    Returns:
        Name → (rounds,) wall seconds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in stages}
    total = (rounds + 1) * len(stages)
    for turn in range(rounds + 1):
        for place, (name, run) in enumerate(stages.items()):
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
            told(turn * len(stages) + place + 1, total)
    return {name: np.array(values) for name, values in seconds.items()}
