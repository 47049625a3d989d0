"""What every library is asked, in an environment of its own: fit, recommend, tell the cost.

A run file (JSON) names a model, settings and splits; each is fitted and asked in turn, and what
comes of it is written beside: `recommended.parquet` and `cost.json`. Only polars is needed here.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import polars as pl

Recommend: TypeAlias = Callable[[Sequence[str], int], Mapping[str, Sequence[str]]]
"""(listeners, depth) → listener → tracks they have not met, best first."""

MIN_LISTENERS = "min_listeners"
"""A setting that any model may have: tracks with fewer listeners are not learned from."""


class Task(NamedTuple):
    """One fit.

    Args:
        model: Which of the library's models.
        settings: Its own names and values; what is not named keeps the library's default.
        plays: user_id, track_id, plays: what may be learned from.
        split: Anything else that says how the plays were cut.
        threads: At most.
        seed: Where the model draws.
    """

    model: str
    settings: dict[str, Any]
    plays: pl.DataFrame
    split: dict[str, Any]
    threads: int
    seed: int


def serve(fit: Callable[[Task], Recommend]) -> None:
    """Do what the run file named on the command line asks."""
    run = json.loads(Path(sys.argv[1]).read_text())
    for job in run["jobs"]:
        out = Path(job["out"])
        split = job["split"]
        plays = pl.read_parquet(split["plays"])
        users = pl.read_parquet(split["held"])["user_id"].unique().sort().to_list()
        settings = dict(job["settings"])
        enough = pl.len().over("track_id") >= settings.pop(MIN_LISTENERS, 1)
        known = plays.filter(enough)
        task = Task(run["model"], settings, known, split, run["threads"], job["seed"])
        started = _clock()
        recommend = fit(task)
        fitted = _clock()
        lists = recommend(users, run["depth"])
        done = _clock()
        out.mkdir(parents=True, exist_ok=True)
        # Some libraries fill a short list up with what the listener has met.
        unmet = _frame(lists).join(
            plays, on=("user_id", "track_id"), how="anti", maintain_order="left"
        )
        unmet.write_parquet(out / "recommended.parquet")
        cost = {
            "fit_s": fitted[0] - started[0],
            "fit_core_s": fitted[1] - started[1],
            "recommend_s": done[0] - fitted[0],
            "recommend_core_s": done[1] - fitted[1],
            "listeners": len(users),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        (out / "cost.json").write_text(json.dumps(cost))


def _clock() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _frame(lists: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    pairs = [(user, track) for user, tracks in lists.items() for track in tracks]
    return pl.DataFrame(pairs, schema={"user_id": pl.String, "track_id": pl.String}, orient="row")
