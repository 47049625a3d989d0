"""Draws what `closed_loop.py` printed, and says how much of what was lost came back.

python benchmarks/closed_loop_plot.py loop.jsonl docs/supply-loop.svg
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

mpl.use("svg")
import matplotlib.pyplot as plt

GROUPS = ("starved", "others")
WORLDS = {"whole": "nothing missing", "starved": "starved", "fed": "starved, with the loop"}
MEASURES = {"hours": "hours a listener and day", "finishes": "finishes a slot"}
RESAMPLES = 2000

Lines = dict[tuple[int, str, int], dict[str, Any]]
Counts = NDArray[np.float64]


def main() -> None:
    """Print the share that came back, with intervals, and write the picture."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    lines: Lines = {}
    for text in source.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        lines[line["seed"], line["world"], line["turn"]] = line
    turns = sorted({turn for _, _, turn in lines})
    for group in GROUPS:
        for measure in MEASURES:
            for name, part in (("all", turns), ("second half", turns[len(turns) // 2 :])):
                print(json.dumps({"days": name, **came_back(lines, group, measure, part)}))
    draw(lines, turns, target)


def rate(counts: Counts, measure: str) -> NDArray[np.float64]:
    """Return a measure of (…, 4) sums: listeners, slots, finishes, hours."""
    below = counts[..., 0] if measure == "hours" else counts[..., 1]
    above = counts[..., 3] if measure == "hours" else counts[..., 2]
    return np.asarray(above / np.maximum(below, 1e-9))


def people(line: dict[str, Any], group: str) -> dict[str, Counts]:
    """Return listener → 1, slots, finishes, hours of one day."""
    return {
        user: np.array([1.0, one["slots"], one["finishes"], one["hours"]])
        for user, one in line[group].items()
    }


def came_back(lines: Lines, group: str, measure: str, turns: list[int]) -> dict[str, Any]:
    """Return what some turns lost and got back, resampling listeners of each seed together."""
    sums: dict[int, dict[str, dict[str, Counts]]] = defaultdict(dict)
    for (seed, world, turn), line in lines.items():
        if turn in turns:
            total = sums[seed].setdefault(world, defaultdict(lambda: np.zeros(4)))
            for user, counts in people(line, group).items():
                total[user] = total[user] + counts
    rng = np.random.default_rng(1)
    point = {world: np.zeros(4) for world in WORLDS}
    drawn = {world: np.zeros((RESAMPLES, 4)) for world in WORLDS}
    for worlds in sums.values():
        users = sorted(set.union(*(set(found) for found in worlds.values())))
        times = rng.multinomial(len(users), np.full(len(users), 1 / len(users)), size=RESAMPLES)
        for world in WORLDS:
            counts = np.stack([worlds[world].get(user, np.zeros(4)) for user in users])
            point[world] += counts.sum(axis=0)
            drawn[world] += times @ counts
    told: dict[str, Any] = {"group": group, "measure": measure}
    for world in WORLDS:
        told[world] = round(float(rate(point[world], measure)), 5)
    one = {world: rate(point[world], measure) for world in WORLDS}
    many = {world: rate(drawn[world], measure) for world in WORLDS}
    told["came_back"] = _interval(_share(one), _share(many))
    told["change"] = _interval(one["fed"] / one["starved"] - 1, many["fed"] / many["starved"] - 1)
    return told


def _share(rates: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray((rates["fed"] - rates["starved"]) / (rates["whole"] - rates["starved"]))


def _interval(point: NDArray[np.float64], drawn: NDArray[np.float64]) -> list[float]:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return [round(float(value), 4) for value in (point, low, high)]


def draw(lines: Lines, turns: list[int], target: Path) -> None:
    """Write one panel a group and measure, one line a world."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 6.5), sharex=True)
    for row, measure in enumerate(MEASURES):
        for column, group in enumerate(GROUPS):
            axis = axes[row, column]
            for world, name in WORLDS.items():
                axis.plot(turns, [_mean(lines, world, turn, group, measure) for turn in turns],
                          marker="o", label=name)  # fmt: skip
            axis.set_title("starved listeners" if group == "starved" else "all others")
            axis.set_ylabel(MEASURES[measure])
            axis.grid(alpha=0.3)
    axes[1, 0].set_xlabel("day")
    axes[1, 1].set_xlabel("day")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="upper center", ncols=len(WORLDS))
    figure.tight_layout(rect=(0, 0, 1, 0.95))
    figure.savefig(target)


def _mean(lines: Lines, world: str, turn: int, group: str, measure: str) -> float:
    total = np.zeros(4)
    for (_, other, day), line in lines.items():
        if (other, day) == (world, turn):
            total += sum(people(line, group).values(), np.zeros(4))
    return float(rate(total, measure))


if __name__ == "__main__":
    main()
