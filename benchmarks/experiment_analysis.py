"""How long 50 metrics of three variations take, from Parquet and from aggregates.

    python -m benchmarks.experiment_analysis [--listeners 1000000] [--events 12]

Writes a synthetic warehouse into a temporary folder: a month before the experiment and two weeks of
it, listeners who differ in how much they hear, and one exposure each. Targets for a million
listeners: 60 s from Parquet, 0.5 s from aggregates.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from core.tables import EVENTS, EXPOSURES, TRACKS
from core.warehouse import Warehouse
from core.workspace import open_workspace
from pipelines.experiments.analysis.run import (
    Analysis,
    Asked,
    analyse_aggregates,
    analyse_warehouse,
)
from pipelines.experiments.configuration import AnalysisConfig
from pipelines.experiments.measuring.metric_file import read_metrics
from pipelines.experiments.question import Question
from pipelines.experiments.statistics.aggregate_file import read_aggregates
from pipelines.job import Item, Silent
from pipelines.traffic import TrafficConfig

DAY_MS = 86_400_000
START_MS = 1_772_323_200_000  # 2026-03-01
BEFORE, DURING = 28, 14  # days
TRACKS_N = 20_000
ACTIONS = ("play", "finish", "skip", "like", "save", "share")
SHARES = (0.5, 0.22, 0.16, 0.06, 0.04, 0.02)
VARIATIONS = ("control", "fresh", "bold")
KEY = "bench"


def metric_file(path: Path) -> None:
    """Write 50 metrics: the ready ones, and counts, ratios, sums and days of every action."""
    ready = (Path(__file__).parents[1] / "pipelines/experiments/measuring/ready.toml").read_text()
    text = [ready]
    for action in ACTIONS:
        where = f'where = {{ action = "{action}" }}'
        text += [
            f"[metrics.{action}_{days}]\nnumerator = {{ {where} }}\nwindow_days = {days}\n"
            'pre_days = 28\ncap = 0.999\ndirection = "increase"\n'
            for days in (3, 7)
        ]
        text.append(
            f'[metrics.{action}_ratio]\nkind = "ratio"\nnumerator = {{ {where} }}\npre_days = 28\n'
            'denominator = { where = { action = ["play", "finish", "skip"] } }\n'
            'direction = "increase"\n'
        )
        text.append(
            f'[metrics.{action}_share]\nkind = "share"\nnumerator = {{ {where} }}\n'
            'pre_days = 28\ndirection = "increase"\n'
        )
        text.append(
            f'[metrics.{action}_days]\nnumerator = {{ take = "days", {where} }}\npre_days = 28\n'
            'direction = "increase"\n'
        )
        text.append(
            f'[metrics.{action}_generated]\nkind = "ratio"\npre_days = 28\ndirection = "increase"\n'
            f'numerator = {{ where = {{ action = "{action}", origin = "generated" }} }}\n'
            f"denominator = {{ {where} }}\n"
        )
    text += [
        f'[metrics.hours_{days}]\nnumerator = {{ take = "sum", of = "played_ms", '
        f"per = 3600000 }}\nwindow_days = {days}\npre_days = 28\ncap = 0.999\n"
        'direction = "increase"\n'
        for days in (1, 3, 7, 10, 12)
    ]
    path.write_text("\n".join(text))


def write_log(warehouse: Warehouse, listeners: int, events: int, seed: int = 1) -> int:
    """Write tracks, exposures and a day's events at a time; return how many events."""
    rng = np.random.default_rng(seed)
    names = pl.Series([f"u{n:08d}" for n in range(listeners)])
    tracks = pl.Series([f"t{n:06d}" for n in range(TRACKS_N)])
    weight = rng.gamma(1.5, 1.0, listeners)
    exposed = START_MS + rng.integers(0, 6 * DAY_MS, listeners)
    arm = rng.integers(0, len(VARIATIONS), listeners)
    total = 0
    with warehouse.batch() as batch:
        catalogue = {
            "track_id": tracks,
            "creator_id": [f"c{n % 3000}" for n in range(TRACKS_N)],
            "origin": ["generated" if n % 4 == 0 else "human" for n in range(TRACKS_N)],
        }
        batch.append(TRACKS, pl.DataFrame(catalogue))
        pages = {
            "request_id": [f"r{n}" for n in range(listeners)],
            "user_id": names,
            "experiment": [KEY] * listeners,
            "variation": pl.Series(VARIATIONS).gather(arm),
        }
        batch.append(EXPOSURES, pl.DataFrame(pages).with_columns(at=times(exposed)))
        per_day = weight * (events / (BEFORE + DURING) / weight.mean())
        for day in range(-BEFORE, DURING):
            who = np.repeat(np.arange(listeners), rng.poisson(per_day))
            n = who.size
            at = START_MS + day * DAY_MS + rng.integers(0, DAY_MS, n)
            acts = pl.Series(ACTIONS).gather(rng.choice(len(ACTIONS), n, p=SHARES))
            rows = {
                "event_id": np.arange(total, total + n).astype(str),
                "user_id": names.gather(who),
                "track_id": tracks.gather((TRACKS_N * rng.random(n) ** 2).astype(np.int64)),
                "action": acts,
                "played_ms": rng.integers(10_000, 200_000, n),
                "device": names.gather(who),  # a player each; a shared one would be a machine
            }
            batch.append(EVENTS, pl.DataFrame(rows).with_columns(at=times(at)))
            total += n
        with batch.commit():
            pass
    return total


def write_countries(path: Path, listeners: int) -> None:
    """Write where listeners live, as a file of segments."""
    names = [f"u{n:08d}" for n in range(listeners)]
    countries = pl.Series(["DE", "NZ", "BR", "US", "JP"]).gather(np.arange(listeners) * 7 % 11 % 5)
    pl.DataFrame({"user_id": names, "country": countries}).write_parquet(path)


def times(at_ms: np.ndarray) -> pl.Series:
    return pl.Series(at_ms).cast(pl.Datetime("ms", "UTC"))


def question() -> Question:
    return Question(
        key=KEY,
        variations=VARIATIONS,
        start_ms=START_MS,
        end_ms=START_MS + DURING * DAY_MS,
        primary=("listening_hours",),
        guardrails=("skip_rate",),
        method="always_valid",
    )


class Timed(Silent):
    """A progress that prints how long each step took, wall and CPU."""

    def track(self, items: Iterable[Item], name: str, total: int | None = None) -> Iterator[Item]:  # noqa: ARG002
        for item in items:
            started, cpu = time.perf_counter(), time.process_time()
            yield item
            took, busy = time.perf_counter() - started, time.process_time() - cpu
            print(f"  {item}: {took:.1f} s, {busy:.1f} s of CPU", flush=True)


def analyse(folder: Path, config: AnalysisConfig, asked: Asked) -> Analysis:
    with open_workspace(folder) as workspace:
        return analyse_warehouse(workspace.warehouse, asked, config, TrafficConfig(), Timed())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listeners", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=12, help="events a listener")
    parser.add_argument("--memory-gb", type=float, default=4.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as root:
        folder, metrics = Path(root) / "data", Path(root) / "metrics.toml"
        metric_file(metrics)
        config = AnalysisConfig(metrics=metrics, memory_gb=given.memory_gb)
        names = tuple(read_metrics(metrics))
        asked_of = question()
        watched = tuple(name for name in names if name not in asked_of.metrics)
        asked_of = asked_of.model_copy(update={"secondary": watched})
        segments = Path(root) / "countries.parquet"
        write_countries(segments, given.listeners)
        with open_workspace(folder) as workspace:
            total = write_log(workspace.warehouse, given.listeners, given.events)
        print(f"{len(names)} metrics, {given.listeners:,} listeners, {total:,} events")
        asked = Asked(asked_of, asked_of.end_ms or 0, segments=segments)
        started, cpu = time.perf_counter(), time.process_time()
        found = analyse(folder, config, asked)
        took, busy = time.perf_counter() - started, time.process_time() - cpu
        print(f"from Parquet: {took:.1f} s, {busy:.1f} s of CPU")
        left = found.report.excluded
        print(f"left out: {left}, segments: {len(found.report.segments)} rows")
        sums = Path(root) / "sums.json"
        sums.write_text(found.aggregates.model_dump_json())
        started = time.perf_counter()
        again = analyse_aggregates(read_aggregates(sums), asked_of, read_metrics(metrics), 0)
        print(f"from aggregates: {time.perf_counter() - started:.2f} s, {len(again.metrics)} rows")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {peak:,.0f} MB, load {os.getloadavg()[0]:.1f}, cores {os.cpu_count()}")


if __name__ == "__main__":
    main()
