"""Whether experiments tell the true effect: one with a planted effect, many times over.

    python benchmarks/experiment_coverage.py --scratch DIR --seeds 100

One small world is made, learned from and given new tracks by a turn of the supply loop. In it an
experiment of fresh share 0 against 20 % is created, started, played and analysed by the public
commands, once a seed; the seed decides who is in which arm and every choice of the listeners. The
truth is counted from the store, apart from the analysis: `--truths` times everybody plays with the
one share, and with the same seed everybody with the other. One line a seed, then the sum.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import sqlalchemy as sa

from core.schema import events, requests, tracks
from core.workspace import open_workspace
from pipelines import cli

SETTINGS = """
[world.create]
tracks = 80
listeners = 400
days = 10
track_seconds = 5

[supply.budget]
auto_approve = true
tracks_per_day = 20

[supply.drafting]
seconds = [4, 6]

[supply.gaps.gap]   # order for every segment, whether or not it is short
lost_share = 0.01
confidence = 0.5
worth = 0.0
enough_listeners = 1.0

[supply.trials]     # new tracks last for all seeds
budget = 100_000
"""
FIRST_TRUTH = 10_001  # seeds of the truth lie apart from those of the experiments
PLAYED = 400  # all listeners of the world
ARMS: dict[str, dict[str, Any]] = {
    "none": {"page": {"fresh": {"share": 0.0}}},
    "fifth": {"page": {"fresh": {"share": 0.2, "most": 0.2}}},
}
METRICS = ("finish_rate", "listening_hours", "generated_share_heard")


def main() -> None:
    """Make the world, find the truth, and print what every experiment says of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--truths", type=int, default=20)
    parser.add_argument("--days", type=int, default=1)
    asked = parser.parse_args()
    world = asked.scratch / "world"
    if not (world / "READY").exists():
        make_world(world)
    draws = [truth_of(asked.scratch, seed, asked.days) for seed in range(asked.truths)]
    levels = {name: np.mean([draw[name] for draw in draws], axis=0) for name in METRICS}
    truth = {name: float(pair[1] - pair[0]) for name, pair in levels.items()}
    told = {"metrics": {name: [round(float(v), 5) for v in levels[name]] for name in METRICS}}
    print(json.dumps({"truth": told}), flush=True)
    inside = dict.fromkeys(METRICS, 0)
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        found = analysed(asked.scratch, seed, asked.days)
        hits = {name: found[name][1] <= truth[name] <= found[name][2] for name in METRICS}
        inside = {name: count + hits[name] for name, count in inside.items()}
        print(json.dumps({"seed": seed, "found": found, "inside": hits}), flush=True)
    print(json.dumps({"seeds": asked.seeds, "true_effect": truth, "inside": inside}))


def make_world(folder: Path) -> None:
    """Make a small world with a live feed and new tracks on trial."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "segue.toml").write_text(SETTINGS, encoding="utf-8")
    segue(folder, "world", "create", "--seed", "1")
    segue(folder, "train", "--seed", "1")
    segue(folder, "promote")
    turn = segue(folder, "supply", "run", "--at-latest", "--seed", "1")
    print(json.dumps({"new_tracks": turn["embedded"]}), flush=True)
    (folder / "READY").touch()


def truth_of(scratch: Path, number: int, days: int) -> dict[str, tuple[float, float]]:
    """Return metric → its level when everybody plays with the one share, and with the other."""
    counts = []
    for name, feed in ARMS.items():
        folder = copied(scratch, f"truth-{name}")
        share = feed["page"]["fresh"]
        words = "\n".join(f"{key} = {value}" for key, value in share.items())
        settings = folder / "segue.toml"
        settings.write_text(f"{SETTINGS}\n[feed.page.fresh]\n{words}\n", encoding="utf-8")
        play(folder, FIRST_TRUTH + number, days)
        counts.append(counted(folder))
        shutil.rmtree(folder)
    return {name: (counts[0][name], counts[1][name]) for name in METRICS}


def analysed(scratch: Path, seed: int, days: int) -> dict[str, list[float]]:
    """Run one experiment; return metric → the effect it tells, low and high."""
    folder = copied(scratch, "experiment")
    spec = {
        "key": "fresh-share",
        "seed": f"coverage-{seed}",
        "variations": [{"key": name, "feed": feed} for name, feed in ARMS.items()],
        "metrics": {"primary": METRICS[0], "secondary": METRICS[1:]},
        "plan": {"method": "fixed", "days": days, "smallest_effect": 0.1},
    }
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    segue(folder, "experiment", "create", str(folder / "spec.json"))
    segue(folder, "experiment", "start", "fresh-share", "--why", "to see what it finds")
    play(folder, seed, days)
    segue(folder, "compact")
    report = segue(folder, "experiment", "analyze", "fresh-share")
    shutil.rmtree(folder)
    return effects_of(report)


def effects_of(report: dict[str, Any]) -> dict[str, list[float]]:
    """Return metric → effect, low and high, of a report."""
    told = {row["metric"]: row["difference"] for row in report["metrics"]}
    return {name: [told[name][part] for part in ("estimate", "low", "high")] for name in METRICS}


def play(folder: Path, seed: int, days: int) -> None:
    """Let everybody play on."""
    many = ("--listeners", str(PLAYED), "--days", str(days))
    segue(folder, "world", "play", *many, "--control-share", "0", "--seed", str(seed))


def copied(scratch: Path, name: str) -> Path:
    """Return a copy of the world."""
    folder = scratch / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(scratch / "world", folder)
    return folder


def segue(folder: Path, *words: str) -> Any:
    """Run a command on a data folder and return what it tells."""
    out = io.StringIO()
    ours = ("--data", str(folder / "data"), "--config", str(folder / "segue.toml"), "--json")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = cli.run([*ours, *words])
    if code:
        raise SystemExit(f"segue {' '.join(words)}: {out.getvalue()}")
    return json.loads(out.getvalue())


def counted(folder: Path) -> dict[str, float]:
    """Return metric → its level over all who asked for a page, from their first one on."""
    with open_workspace(folder / "data") as workspace, workspace.database.read() as connection:
        asked = connection.execute(
            sa.select(requests.c.user_id, sa.func.min(requests.c.at)).group_by(requests.c.user_id)
        ).all()
        since = {row.user_id: row[1] for row in asked}
        heard = connection.execute(
            sa.select(
                events.c.user_id, events.c.at, events.c.action, events.c.played_ms, tracks.c.origin
            ).join(tracks, tracks.c.track_id == events.c.track_id)
        ).all()
    mine = [row for row in heard if row.at >= since.get(row.user_id, np.inf)]
    plays = [row for row in mine if row.action == "play"]
    played = sum(row.played_ms for row in plays)
    made = sum(row.played_ms for row in plays if row.origin == "generated")
    return {
        "finish_rate": sum(row.action == "finish" for row in mine) / len(plays),
        "listening_hours": played / 3_600_000 / len(since),
        "generated_share_heard": made / played,
    }


if __name__ == "__main__":
    main()
