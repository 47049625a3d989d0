"""How long it takes to describe and learn from a log of pages, at several sizes.

    make scale                                      # three sizes, each in a process of its own
    python benchmarks/ranker_scale.py --slots 100000

The log is drawn at random over 20,000 tracks: pages of 20 slots, a page a day for each listener
over 30 days, every other slot with an event. A fixed number of trees is grown, because chance alone
would stop them early on such a log. With `--telling`, some tracks are finished more than others and
some listeners skip more, and trees are grown and stopped as they are by default.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.events import DAY_MS
from core.ids import Ids
from core.tables import TIME
from embeddings.collaborative.factors import AlsFactors, Ridge
from embeddings.collaborative.neighbours import ItemNeighbours
from embeddings.index import IndexConfig, build_index
from embeddings.vectors import unit_rows
from pipelines.ranker_training.impression_data import (
    described,
    examples,
    outcomes_of,
    shown_between,
)
from pipelines.ranker_training.shown_rates import shown_rates
from pipelines.ranker_training.train_heads import impression_features
from ranking.catalogue import Catalogue
from ranking.features.moments import moments_of
from ranking.learned import Learned, TrackStatistics
from ranking.listeners.replay import EventLog
from ranking.rankers.head_training import HeadsConfig, train_heads
from ranking.rankers.outcomes import DEFAULT_HEADS
from ranking.rankers.training import RankerConfig

TRACKS, CREATORS, TAGS, DIM, FACTORS, NEIGHBOURS = 20_000, 3_000, 200, 64, 32, 100
PAGE, DAYS, PAGES_A_LISTENER = 20, 30, 30
TREES = 100  # grown for each head, whatever is gained: chance stops them early on such a log
START_MS = 1_767_225_600_000
SIZES = (100_000, 1_000_000, 5_000_000)
Result = TypeVar("Result")


def main() -> None:
    """Measure one size, or every size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-training", action="store_true")
    parser.add_argument("--telling", action="store_true")
    asked = parser.parse_args()
    if asked.slots:
        figures = measured(asked.slots, asked.threads, not asked.no_training, asked.telling)
        print(json.dumps(figures), flush=True)
        return
    for slots in SIZES:
        call = [sys.executable, __file__, "--slots", str(slots), "--threads", str(asked.threads)]
        subprocess.run(call, check=True)


def measured(slots: int, threads: int, training: bool, telling: bool) -> dict[str, float]:
    """Return seconds (on the clock, and of all cores) of each step, and the peak of memory."""
    rng = np.random.default_rng(1)
    catalogue, learned = world(rng)
    impressions, events = log_of(slots, rng, telling)
    figures: dict[str, float] = {"slots": slots, "events": events.height}

    def timed(name: str, step: Callable[[], Result]) -> Result:
        clock, cores = time.perf_counter(), time.process_time()
        result = step()
        figures[f"{name}_s"] = round(time.perf_counter() - clock, 2)
        figures[f"{name}_core_s"] = round(time.process_time() - cores, 2)
        return result

    plays = pl.DataFrame(schema={"user_id": pl.String, "track_id": pl.String, "plays": pl.Int64})
    log = timed("log", lambda: EventLog.from_frames(events, plays, catalogue, impressions))
    moments = timed("moments", lambda: moments_of(log))
    shown = timed("rates", lambda: shown_rates(impressions, events, catalogue, DAY_MS))
    builder = impression_features(catalogue, learned, shown)
    span = timed("slots", lambda: shown_between(impressions, catalogue, 0, 1 << 42))
    values = timed("features", lambda: described(span, builder, moments, threads=threads))
    figures["features"] = values.shape[1]
    figures["slots_per_core_s"] = round(slots / figures["features_core_s"])
    figures["slots_per_s"] = round(slots / figures["features_s"])
    if training:
        ends_ms = START_MS + (DAYS + 3) * DAY_MS
        outcomes = timed("outcomes", lambda: outcomes_of(span, events, DEFAULT_HEADS, ends_ms))
        data = examples(span, builder.names, values, outcomes)
        heads, config = HeadsConfig(), RankerConfig(threads=threads)
        if not telling:
            heads = HeadsConfig(refit=False)
            config = RankerConfig(trees=TREES, stop_after=TREES, threads=threads)
        grown = [0]

        def count(_head: str, _trees: int, _figure: float) -> None:
            grown[0] += 1

        ranker, _ = timed("training", lambda: train_heads(data, heads, config, 1, count))
        kept = sum(head.booster.current_iteration() for head in ranker.heads)
        figures["kept_trees"] = kept
        figures["trees"] = grown[0] + kept * heads.refit
        figures["training_ms_a_tree"] = round(1000 * figures["training_core_s"] / figures["trees"])
    figures["peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2)
    return figures


def world(rng: np.random.Generator) -> tuple[Catalogue, Learned]:
    """Return a catalogue, and what would have been learned of it."""
    ids = Ids(f"t{row}" for row in range(TRACKS))
    tags = sp.random(TRACKS, TAGS, 4 / TAGS, "csr", np.float32, rng)
    tags.data[:] = 0.5
    catalogue = Catalogue(
        tracks=ids,
        creators=Ids(f"c{row}" for row in range(CREATORS)),
        creator_rows=rng.integers(0, CREATORS, TRACKS),
        statuses=np.full(TRACKS, 2, dtype=np.int8),
        origins=rng.integers(0, 3, TRACKS).astype(np.int8),
        explicit=np.zeros(TRACKS, dtype=np.bool_),
        labelled=np.ones(TRACKS, dtype=np.bool_),
        released_at_ms=START_MS - rng.integers(0, 900, TRACKS) * DAY_MS,
        duration_ms=rng.uniform(60_000, 400_000, TRACKS).astype(np.float32),
        hidden=np.zeros(TRACKS, dtype=np.bool_),
        regions={},
        tags=tags,
        tag_names=tuple(f"tag{column}" for column in range(TAGS)),
    )
    near = rng.integers(0, TRACKS, TRACKS * NEIGHBOURS)
    starts = np.arange(TRACKS + 1) * NEIGHBOURS
    similarity = sp.csr_matrix(
        (rng.random(near.size, dtype=np.float32), near, starts), shape=(TRACKS, TRACKS)
    )
    ramp = rng.random(TRACKS).astype(np.float32)
    return catalogue, Learned(
        vectors=unit_rows(rng.normal(size=(TRACKS, DIM)).astype(np.float32)),
        index=build_index(np.zeros((0, DIM), np.float32), IndexConfig()),
        factors=AlsFactors(
            (), ids.values, np.zeros((0, FACTORS), np.float32),
            rng.normal(size=(TRACKS, FACTORS)).astype(np.float32), Ridge(1.0),
        ),
        neighbours=ItemNeighbours(ids.values, similarity),
        autoencoder=ItemNeighbours(ids.values, similarity.copy()),
        statistics=TrackStatistics(ramp * 900, ramp * 300, ramp * 90, ramp, ramp, ramp, START_MS),
    )  # fmt: skip


def log_of(
    slots: int, rng: np.random.Generator, telling: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return impressions and events; popular tracks are shown more."""
    pages = slots // PAGE
    listeners = max(1, pages // PAGES_A_LISTENER)
    at = np.sort(START_MS + rng.integers(0, DAYS * DAY_MS, pages))
    page = np.repeat(np.arange(pages), PAGE)
    rows = (TRACKS * rng.random(page.size) ** 2).astype(np.int64)
    users = rng.integers(0, listeners, pages)
    shown = pl.DataFrame(
        {
            "page": page,
            "user": users[page],
            "row": rows,
            "at": at[page],
            "position": np.tile(np.arange(PAGE, dtype=np.int32), pages),
        }
    ).with_columns(
        request_id=pl.format("r{}", "page"),
        user_id=pl.format("u{}", "user"),
        track_id=pl.format("t{}", "row"),
        at=pl.col("at").cast(TIME),
        surface=pl.lit("home"),
    )
    what = np.array(["like", "finish", "play", "skip"])
    chosen = rng.random(page.size) < 0.5
    luck = rng.random(page.size)
    if telling:  # the higher, the worse
        worse = rng.normal(0, 0.15, TRACKS)[rows] + rng.normal(0, 0.15, listeners)[users[page]]
        luck = np.clip(luck + worse, 0, 1)
    actions = what[np.searchsorted([0.05, 0.35, 0.75], luck)]
    events = shown.filter(pl.Series(chosen)).with_columns(
        action=pl.Series(actions[chosen]),
        at=pl.col("at") + pl.duration(seconds=30),
    )
    names = ["request_id", "user_id", "track_id", "at"]
    return (
        shown.unique(["page", "row"], keep="first", maintain_order=True).select(
            *names, "position", "surface"
        ),
        events.select(*names, "action"),
    )


if __name__ == "__main__":
    main()
