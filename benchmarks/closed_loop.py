"""Whether the supply loop gives starved listeners back what they lost, and costs others nothing.

    python benchmarks/closed_loop.py --scratch DIR --seeds 5 --turns 10 > loop.jsonl
    python benchmarks/closed_loop_plot.py loop.jsonl docs/supply-loop.svg

For each seed three equal worlds: `whole`, `starved` of nine in ten tracks of three styles, and
`fed`, the starved one where what runs short is ordered. All are played for the same days by the
same listeners and go round the loop before each: trials are settled, gaps sought, and new tracks
offered to those with an appetite for them; only in the fed world may anything be made. The ranker
is trained before the first day, and what is learned from listening is learned again before each,
as a nightly job would. One line a seed, world and day.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import sqlalchemy as sa
from planted_gaps import styles_of

from core.events import DAY_MS
from core.schema import events, requests, tracks
from core.telemetry import configure_logging
from core.workspace import Workspace, open_workspace
from pipelines.commands.preview import latest_moment
from pipelines.compact import compact
from pipelines.job import Silent
from pipelines.promotion import promote
from pipelines.settings import PipelineSettings
from pipelines.supply.run import run_turn
from pipelines.train import train
from pipelines.world.archive import Truth, read_truth
from pipelines.world.config import PlayConfig, WorldConfig
from pipelines.world.create import create_world
from pipelines.world.play import play_world
from pipelines.world.traits import STYLE_NAMES
from ranking.supply.switches import EVERYTHING, set_switch

FAN = 0.3  # weight of a taste from which a listener counts as one of a style's
WORLDS = ("whole", "starved", "fed")


def main() -> None:
    """Play every world of every seed and print what its listeners did, day by day."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    configure_logging(as_json=True)
    settings = settings_of()
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        whole = WorldConfig(seed=seed, workers=asked.workers)
        short = whole.model_copy(update={"starve": styles_of(whole)})
        folders = {name: asked.scratch / f"seed-{seed}-{name}" for name in WORLDS}
        prepare(folders["whole"], whole, settings)
        prepare(folders["starved"], short, settings)
        shutil.rmtree(folders["fed"], ignore_errors=True)
        shutil.copytree(folders["starved"], folders["fed"])
        for name, folder in folders.items():
            for line in lived(folder, name, short.starve, asked.turns, asked.listeners, settings):
                print(json.dumps({"seed": seed, **line}), flush=True)
            shutil.rmtree(folder)


def settings_of() -> PipelineSettings:
    """Return the settings of a loop that needs nobody and makes tracks as long as the world's."""
    shortest, longest = (part * WorldConfig().track_seconds for part in (0.8, 1.2))
    return PipelineSettings.model_validate(
        {
            "supply": {
                "budget": {"auto_approve": True, "tracks_per_day": 40},
                "drafting": {"seconds": (shortest, longest)},
            }
        }
    )


def prepare(folder: Path, config: WorldConfig, settings: PipelineSettings) -> None:
    """Make a world, learn everything from it and make that live."""
    shutil.rmtree(folder, ignore_errors=True)
    with open_workspace(folder) as workspace:
        create_world(workspace, config, Silent())
        train(
            workspace,
            settings.embeddings.audio,
            settings.train,
            settings.feed,
            seed=1,
            now_ms=config.end_ms,
            progress=Silent(),
        )
        promote(workspace.artifacts, (), now_ms=config.end_ms, reason="before the first day")


def lived(
    folder: Path,
    name: str,
    starved: tuple[str, ...],
    turns: int,
    listeners: int,
    settings: PipelineSettings,
) -> Iterator[dict[str, Any]]:
    """Play a world day by day, a turn of the loop before each; only the fed one is given tracks."""
    with open_workspace(folder) as workspace:
        if name != "fed":
            stop_orders(workspace)
        fans = fans_of(read_truth(workspace), starved)
        for turn in range(turns):
            midnight_ms = (latest_moment(workspace) // DAY_MS + 1) * DAY_MS
            line: dict[str, Any] = {"world": name, "turn": turn}
            done = run_turn(
                workspace,
                settings.supply,
                settings.train,
                {},
                duplicates=settings.embeddings.duplicates,
                seed=1,
                clock=partial(int, midnight_ms),
                progress=Silent(),
            )
            line |= {
                "gaps": [gap.label for gap in done.gaps],
                "delivered": done.orders.delivered,
                "passed": done.gate.passed,
                "graduated": done.trials.graduated,
                "retired": done.trials.retired,
            }
            learn_again(workspace, settings, midnight_ms)
            play = PlayConfig(days=1, control_share=0.0, play_listeners=listeners)
            play_world(workspace, play, settings.feed, Silent())
            line |= counted(workspace, fans, midnight_ms)
            yield line


def stop_orders(workspace: Workspace) -> None:
    """Let nothing be made in a world."""
    now_ms = latest_moment(workspace)
    why = "a world without generation"
    set_switch(
        workspace.database, EVERYTHING, stopped=True, reason=why, who="benchmark", now_ms=now_ms
    )


def learn_again(workspace: Workspace, settings: PipelineSettings, now_ms: int) -> None:
    """Learn factors and counts from everything heard so far, and make them live."""
    compact(workspace, now_ms, Silent())
    train(
        workspace,
        settings.embeddings.audio,
        settings.train,
        settings.feed,
        only=("factors",),
        seed=1,
        now_ms=now_ms,
        progress=Silent(),
    )
    promote(workspace.artifacts, (), now_ms=now_ms, reason="before the day")


def fans_of(truth: Truth, styles: tuple[str, ...]) -> dict[str, bool]:
    """Return listener → whether one of the tastes that make up their own is a starved style."""
    people = truth.population
    own = people.styles.argmax(axis=2)
    wanted = np.isin(own, [STYLE_NAMES.index(style) for style in styles])
    fan = (wanted & (people.mixture >= FAN)).any(axis=1)
    return dict(zip(truth.user_ids, fan.tolist(), strict=True))


def counted(workspace: Workspace, fans: dict[str, bool], since_ms: int) -> dict[str, Any]:
    """Return each listener's slots, finishes of slots and hours since a moment, by group."""
    with workspace.database.read() as connection:
        pages = connection.execute(
            sa.select(requests.c.user_id, requests.c.slots).where(requests.c.at >= since_ms)
        ).all()
        heard = connection.execute(
            sa.select(
                events.c.user_id, events.c.action, events.c.played_ms, events.c.request_id
            ).where(events.c.at >= since_ms)
        ).all()
        made = set(
            connection.execute(
                sa.select(tracks.c.track_id).where(tracks.c.generator == "synth")
            ).scalars()
        )
    told: dict[str, dict[str, list[float]]] = {"starved": {}, "others": {}}

    def of(user_id: str) -> list[float]:
        group = told["starved" if fans[user_id] else "others"]
        return group.setdefault(user_id, [0.0, 0.0, 0.0, 0.0])

    for user_id, slots in pages:
        of(user_id)[0] += len(slots)
        of(user_id)[3] += sum(slot["track_id"] in made for slot in slots)
    for user_id, action, played_ms, request_id in heard:
        of(user_id)[1] += action == "finish" and request_id is not None
        of(user_id)[2] += (played_ms or 0) / 3_600_000 if action == "play" else 0.0
    names = ("slots", "finishes", "hours", "new_slots")
    return {
        group: {
            user: dict(zip(names, values, strict=True)) for user, values in sorted(people.items())
        }
        for group, people in told.items()
    }


if __name__ == "__main__":
    main()
