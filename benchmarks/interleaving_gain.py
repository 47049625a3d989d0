"""How many listeners tell the two-stage feed from popularity: by an A/B test, or by shared pages.

    python benchmarks/interleaving_gain.py --world DIR --scratch DIR --listeners 1500

`--world` is a world with a trained, live ranker (`segue world create`, `segue train`, `segue
promote`). The same listeners play the same day twice, on copies of it: once each with one of the
two feeds, once all with pages that both feeds draft. Then listeners are drawn with replacement,
ever more of them, until the test at 5 % finds the better feed in four of five draws: in the A/B
test by a ratio (by the delta method) or a mean over listeners, on shared pages by the preferences
of listeners.
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

DRAWS = 2000  # the share of significant draws has a standard error of 0.9 points
POWER, ALPHA = 0.8, 0.05
COUNTED = ("listeners", "slots", "plays", "finishes", "hours")
MEASURES = {
    "finishes a slot": ("finishes", "slots"),
    "finishes a play": ("finishes", "plays"),
    "hours a listener": ("hours", "listeners"),
}
SPEC = {"key": "feeds", "interleave": True, "variations": [{"key": POPULAR}, {"key": ENGINE}]}

KEY = ("user_id", "request_id", "track_id")

Counts = NDArray[np.float64]


def main() -> None:
    """Play both ways and print what each needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--listeners", type=int, default=1500)
    parser.add_argument("--days", type=int, default=1)
    asked = parser.parse_args()
    configure_logging(as_json=True)
    play = PlayConfig(
        days=asked.days, control_share=0.5, play_listeners=asked.listeners, compare_share=0.0
    )
    split = played(asked.world, asked.scratch / "split", play, lambda stage: stage)
    shared = played(asked.world, asked.scratch / "shared", play, sharing)
    rng = np.random.default_rng(1)
    found = credits_of(shared[0], finishes(shared[1]), (POPULAR, ENGINE))
    listeners = by_variant(split)
    by_sharing = needed(lambda n: found_by_sharing(found, n, rng))
    by_split = {
        name: needed(lambda n, of=of: found_by_split(listeners, of, n, rng))  # type: ignore[misc]
        for name, of in MEASURES.items()
    }
    wins = [int((found.first > found.second).sum()), int((found.first < found.second).sum())]
    told = {
        "levels": {
            name: {arm: round(level(counts, of), 4) for arm, counts in listeners.items()}
            for name, of in MEASURES.items()
        },
        "listeners_who_prefer": dict(zip((POPULAR, ENGINE), wins, strict=True)),
        "listeners_needed": {"shared": by_sharing, **by_split},
        "ratio": {name: round(count / by_sharing, 1) for name, count in by_split.items()},
    }
    print(json.dumps(told))


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
    """Return every slot served since a moment, and every finish and play of one."""
    with workspace.database.read() as connection:
        pages = connection.execute(
            sa.select(
                requests.c.request_id, requests.c.user_id, requests.c.variant, requests.c.slots
            ).where(requests.c.at >= since_ms)
        ).all()
        heard = connection.execute(
            sa.select(*(events.c[name] for name in (*KEY, "action", "played_ms"))).where(
                events.c.at >= since_ms,
                events.c.action.in_(("finish", "play")),
                events.c.request_id.is_not(None),
            )
        ).all()
    slots = [
        (page.user_id, page.request_id, slot["track_id"], slot.get("team"), page.variant)
        for page in pages
        for slot in page.slots
    ]
    acted = pl.DataFrame(
        [tuple(row) for row in heard],
        [*KEY, "action", "played_ms"],
        orient="row",
        infer_schema_length=None,
    )
    return pl.DataFrame(slots, [*KEY, "team", "variant"], orient="row"), acted


def finishes(acted: pl.DataFrame) -> pl.DataFrame:
    """Return the slots that were heard out."""
    return acted.filter(pl.col("action") == "finish").select(KEY).unique()


def by_variant(logged: tuple[pl.DataFrame, pl.DataFrame]) -> Mapping[str, Counts]:
    """Return feed → (n, `COUNTED`) of each of its listeners."""
    slots, acted = logged
    plays = acted.filter(pl.col("action") == "play").group_by(KEY).agg(pl.col("played_ms").max())
    done = finishes(acted).with_columns(done=pl.lit(1.0))
    told = slots.join(plays, on=KEY, how="left").join(done, on=KEY, how="left")
    sums = told.group_by("variant", "user_id").agg(
        listeners=pl.lit(1.0).first(),
        slots=pl.len().cast(pl.Float64),
        plays=pl.col("played_ms").is_not_null().sum().cast(pl.Float64),
        finishes=pl.col("done").fill_null(0.0).sum(),
        hours=pl.col("played_ms").fill_null(0).sum() / 3_600_000,
    )
    return {
        name: sums.filter(pl.col("variant") == name).select(COUNTED).to_numpy()
        for name in (POPULAR, ENGINE)
    }


def level(counts: Counts, of: tuple[str, str]) -> float:
    """Return a measure over all listeners of a feed."""
    above, below = (counts[:, COUNTED.index(name)].sum() for name in of)
    return float(above / below)


def needed(power_of: Callable[[int], float]) -> int:
    """Return the fewest listeners, in steps of a twentieth, that find the better feed often."""
    count = 6
    while power_of(count) < POWER:
        count = int(np.ceil(count * 1.05))
        if count > 1_000_000:
            raise SystemExit("no number of listeners up to a million tells the feeds apart")
    return count


def found_by_split(
    listeners: Mapping[str, Counts], of: tuple[str, str], count: int, rng: np.random.Generator
) -> float:
    """Return how often an A/B test of so many listeners, half each, finds the engine better."""
    above, below = (COUNTED.index(name) for name in of)
    sides = []
    for name in (POPULAR, ENGINE):
        drawn = listeners[name][rng.integers(0, len(listeners[name]), (DRAWS, count // 2))]
        top, bottom = drawn[..., above], drawn[..., below]
        rate = top.sum(axis=1) / np.maximum(bottom.sum(axis=1), 1e-12)
        residual = (top - rate[:, None] * bottom) / np.maximum(
            bottom.mean(axis=1, keepdims=True), 1e-12
        )
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
