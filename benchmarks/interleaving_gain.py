"""How many listeners tell the two-stage feed from popularity: by an A/B test, or by shared pages.

    python benchmarks/interleaving_gain.py --world DIR --listeners 600

`--world` is a world with a trained, live ranker (`segue world create`, `segue train`, `segue
promote`). The same listeners play the same day twice, on copies of it: once each with one of the
two feeds, once all with pages that both feeds draft. Then listeners are drawn with replacement,
ever more of them, until the test at 5 % finds the better feed in four of five draws: in the A/B
test by finishes a slot (a ratio, by the delta method), on shared pages by the preferences of
listeners.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import polars as pl
import sqlalchemy as sa
from numpy.typing import NDArray
from scipy import special

from core.schema import events, requests
from core.telemetry import configure_logging
from core.workspace import Workspace, open_workspace
from pipelines.experiments.interleaved.credits import Credits, credits_of
from pipelines.experiments.statistics.preferences import preference
from pipelines.job import Silent
from pipelines.settings import PipelineSettings
from pipelines.world.config import PlayConfig
from pipelines.world.play import play_on
from pipelines.world.stage import ENGINE, POPULAR, Stage, set_stage
from ranking.experiments.configuration import Frame
from ranking.experiments.definitions.spec import ExperimentSpec
from ranking.experiments.lifecycle.stored import StoredExperiment
from ranking.experiments.serving.choosing import Choice
from ranking.experiments.serving.variants import Variant

DRAWS = 400  # the share of significant draws has a standard error of 2 points
POWER, ALPHA = 0.8, 0.05
SPEC = {"key": "feeds", "interleave": True, "variations": [{"key": POPULAR}, {"key": ENGINE}]}

Counts = NDArray[np.float64]


def main() -> None:
    """Play both ways and print what each needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--listeners", type=int, default=600)
    parser.add_argument("--days", type=int, default=1)
    asked = parser.parse_args()
    configure_logging(as_json=True)
    play = PlayConfig(
        days=asked.days, control_share=0.5, play_listeners=asked.listeners, compare_share=0.0
    )
    split = played(asked.world, asked.scratch / "split", play, lambda stage: stage)
    shared = played(asked.world, asked.scratch / "shared", play, sharing)
    rng = np.random.default_rng(1)
    found = shared_credits(shared)
    pages = by_variant(split)
    told = {
        "split": needed(lambda n: found_by_split(pages, n, rng)),
        "shared": needed(lambda n: found_by_sharing(found, n, rng)),
    }
    rates = {name: float(one[:, 1].sum() / one[:, 0].sum()) for name, one in pages.items()}
    wins = [int((found.first > found.second).sum()), int((found.first < found.second).sum())]
    print(
        json.dumps(
            {
                "finishes_a_slot": {name: round(rate, 4) for name, rate in rates.items()},
                "listeners_who_prefer": dict(zip((POPULAR, ENGINE), wins, strict=True)),
                "listeners_needed": told,
                "ratio": round(told["split"] / told["shared"], 1),
            }
        )
    )


def played(
    world: Path, folder: Path, play: PlayConfig, change: Callable[[Stage], Stage]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Play a copy of a world; return its slots and the finishes of them."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(world, folder)
    with open_workspace(folder) as workspace:
        stage = change(set_stage(workspace, play, PipelineSettings().feed))
        play_on(stage, Silent())
        logged = read_log(workspace, stage.standing.start_ms)
    shutil.rmtree(folder)
    return logged


def sharing(stage: Stage) -> Stage:
    """Let everybody have pages that both feeds draft."""
    spec = ExperimentSpec.model_validate(SPEC)
    experiment = StoredExperiment("feeds", 1, "running", spec, Frame(), 0, 0, 0, None)
    live = stage.variants.of(())
    feeds = (replace(live, engine=stage.popular), live)
    return replace(
        stage,
        variants=TwoFeeds(feeds),  # type: ignore[arg-type]
        experiments=(experiment,),
        arm_of=np.zeros_like(stage.arm_of),
    )


class TwoFeeds:
    """Stands in for the variants of settings: no setting makes the popularity feed."""

    def __init__(self, feeds: Sequence[Variant]) -> None:
        self._feeds = feeds

    def of(self, chosen: Sequence[Choice]) -> Variant:
        """Return the feed of a variation."""
        return self._feeds[chosen[0].variation]


def read_log(workspace: Workspace, since_ms: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return every slot served since a moment, and every finish."""
    with workspace.database.read() as connection:
        pages = connection.execute(
            sa.select(
                requests.c.request_id, requests.c.user_id, requests.c.variant, requests.c.slots
            ).where(requests.c.at >= since_ms)
        ).all()
        heard = connection.execute(
            sa.select(events.c.user_id, events.c.request_id, events.c.track_id).where(
                events.c.at >= since_ms,
                events.c.action == "finish",
                events.c.request_id.is_not(None),
            )
        ).all()
    key = ["user_id", "request_id", "track_id"]
    slots = [
        (page.user_id, page.request_id, slot["track_id"], slot.get("team"), page.variant)
        for page in pages
        for slot in page.slots
    ]
    return (
        pl.DataFrame(slots, [*key, "team", "variant"], orient="row"),
        pl.DataFrame([tuple(row) for row in heard], key, orient="row"),
    )


def shared_credits(logged: tuple[pl.DataFrame, pl.DataFrame]) -> Credits:
    """Return what listeners gave each feed."""
    return credits_of(*logged, (POPULAR, ENGINE))


def by_variant(logged: tuple[pl.DataFrame, pl.DataFrame]) -> Mapping[str, Counts]:
    """Return feed → (n, 2) slots and finishes of each of its listeners."""
    slots, heard = logged
    key = ["user_id", "request_id", "track_id"]
    told = slots.join(heard.unique().with_columns(done=pl.lit(1.0)), on=key, how="left")
    sums = told.group_by("variant", "user_id").agg(
        pl.len().cast(pl.Float64), pl.col("done").fill_null(0.0).sum()
    )
    return {
        name: sums.filter(pl.col("variant") == name).select("len", "done").to_numpy()
        for name in (POPULAR, ENGINE)
    }


def needed(power_of: Callable[[int], float]) -> int:
    """Return the fewest listeners, in steps of a tenth, that find the better feed often enough."""
    count = 6
    while power_of(count) < POWER:
        count = int(np.ceil(count * 1.1))
        if count > 1_000_000:
            raise SystemExit("no number of listeners up to a million tells the feeds apart")
    return count


def found_by_split(pages: Mapping[str, Counts], count: int, rng: np.random.Generator) -> float:
    """Return how often an A/B test of so many listeners, half each, finds the engine better."""
    sides = []
    for name in (POPULAR, ENGINE):
        rows = rng.integers(0, len(pages[name]), (DRAWS, count // 2))
        slots, done = pages[name][rows, 0], pages[name][rows, 1]
        rate = done.sum(axis=1) / slots.sum(axis=1)
        residual = (done - rate[:, None] * slots) / slots.mean(axis=1, keepdims=True)
        sides.append((rate, residual.var(axis=1, ddof=1) / (count // 2)))
    difference = sides[1][0] - sides[0][0]
    z = difference / np.sqrt(np.maximum(sides[0][1] + sides[1][1], 1e-12))
    critical = special.stdtrit(count - 2, 1 - ALPHA / 2)
    return float((z > critical).mean())


def found_by_sharing(found: Credits, count: int, rng: np.random.Generator) -> float:
    """Return how often shared pages of so many listeners find the engine better."""
    drawn = rng.integers(0, len(found.user_ids), (DRAWS, count))
    told = [preference(found.first[rows], found.second[rows]) for rows in drawn]
    return float(np.mean([one.preference.low > 0 for one in told]))


if __name__ == "__main__":
    main()
