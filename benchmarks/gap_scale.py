"""How long the search for gaps takes at size, from who heard what to figures with intervals.

    python benchmarks/gap_scale.py                         # 1,000,000 listeners, 100,000 tracks
    python benchmarks/gap_scale.py --listeners 50000

Listeners like a few of the directions that tracks lie in, and hear what they like more often; what
is timed depends on how many there are, not on what they like.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from embeddings.vectors import unit_rows
from pipelines.supply.demand.appetite import appetite
from pipelines.supply.demand.gap import GapConfig, Shortfall, figures
from pipelines.supply.demand.liking import LikingConfig, Pairs, fit_liking
from pipelines.supply.demand.stock import Shelves, stock

DIM = 64
HEARD = 40
SEGMENTS = 64
HORIZON_DAYS = 14.0
Result = TypeVar("Result")


def main() -> None:
    """Measure one size and print seconds of each step and the peak of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=1_000_000)
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    rng = np.random.default_rng(1)
    points = unit_rows(rng.standard_normal((asked.tracks, DIM), dtype=np.float32))
    members = rng.integers(0, SEGMENTS, asked.tracks)
    pairs = heard(asked.listeners, asked.tracks, rng)
    told: dict[str, float] = {"listeners": asked.listeners, "tracks": asked.tracks, "dim": DIM}
    started = time.perf_counter()

    def timed(name: str, step: Callable[[], Result]) -> Result:
        clock, cores = time.perf_counter(), time.process_time()
        result = step()
        told[f"{name}_s"] = round(time.perf_counter() - clock, 1)
        told[f"{name}_core_s"] = round(time.process_time() - cores, 1)
        return result

    config = LikingConfig(dim=DIM)
    liking = timed("liking", lambda: fit_liking(pairs, points, config, asked.threads))
    wish = timed("appetite", lambda: appetite(liking, pairs, members, SEGMENTS))
    kinds = rng.integers(0, 3, asked.tracks)
    allows = np.ones((asked.listeners, 3), dtype=np.bool_)
    allows[: asked.listeners // 10, 2] = False
    shelves = Shelves(members, kinds, allows)
    left = timed("stock", lambda: stock(liking, pairs, shelves, SEGMENTS, asked.threads))
    variety = rng.gamma(2.0, 1.0, asked.listeners).astype(np.float32) * np.float32(HORIZON_DAYS)
    short = Shortfall(wish.shares * variety[:, None], left, wish.liking)
    timed("figures", lambda: figures(short, GapConfig(), seed=1))
    told["whole_s"] = round(time.perf_counter() - started, 1)
    told["peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    print(json.dumps(told), flush=True)


def heard(listeners: int, tracks: int, rng: np.random.Generator) -> Pairs:
    """Return `HEARD` tracks a listener, half of whose plays are heard out."""
    count = listeners * HEARD
    plays = rng.integers(1, 5, count).astype(np.float32)
    finishes = np.floor(plays * rng.random(count, dtype=np.float32) * np.float32(1.4))
    return Pairs(
        starts=np.arange(0, count + 1, HEARD),
        tracks=rng.integers(0, tracks, count),
        plays=plays,
        finishes=np.minimum(finishes, plays),
    )


if __name__ == "__main__":
    main()
