"""The table of peers as a page of Markdown."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ranking.evaluation.intervals import Estimate
from ranking.evaluation.tables import ModelResult

METRICS = ("ndcg@1", "ndcg@10", "recall@20", "recall@100", "mrr", "coverage@10")
OWN = ("implicit", "lightgbm", "numpy")


@dataclass(frozen=True, slots=True)
class Figures:
    """What one model took.

    Args:
        name: The model.
        settings: Those chosen; empty where no draw beat the defaults.
        by_default: NDCG@10 of the defaults on the split that settings are chosen on.
        tuned: The best there.
        costs: One entry a seed, as the contract writes them.
    """

    name: str
    settings: Mapping[str, Any]
    by_default: float
    tuned: float
    costs: list[dict[str, float]]

    def mean(self, key: str) -> float:
        """Return the mean of one cost over the seeds."""
        return sum(cost[key] for cost in self.costs) / len(self.costs)


def page(
    results: Mapping[str, ModelResult],
    ahead: Mapping[str, Mapping[str, Estimate]],
    figures: list[Figures],
    options: argparse.Namespace,
    listeners: int,
) -> str:
    """Return the whole page."""
    first = figures[0].name
    rows = sorted(results, key=lambda name: -results[name].metrics["ndcg@10"].mean)
    quality = [
        f"| {name} | " + " | ".join(_text(results[name].metrics[m]) for m in METRICS) + " |"
        for name in rows
    ]
    paired = [
        f"| {name} | {_text(ahead[name]['ndcg@1'], 4)} | {_text(ahead[name]['ndcg@10'], 4)} |"
        for name in rows
        if name in ahead
    ]
    by_name = {one.name: one for one in figures}
    costs = [_cost(by_name[name]) for name in rows]
    tuned = [_tuned(by_name[name]) for name in rows]
    return "\n".join(
        [
            "# Segue beside its peers",
            "",
            "Written by `make peers`; do not edit by hand.",
            "",
            _introduction(options, listeners),
            "",
            "| model | " + " | ".join(METRICS) + " |",
            "| --- " * (len(METRICS) + 1) + "|",
            *quality,
            "",
            f"What {first} has more than each, listener by listener:",
            "",
            "| model | NDCG@1 | NDCG@10 |",
            "| --- | --- | --- |",
            *paired,
            "",
            (
                "What it took, mean of the splits (seconds on the clock, core seconds, memory of "
                "the whole process with everything it imports):"
            ),
            "",
            "| model | fit, s | fit, core s | recommend, ms a listener | peak MB |",
            "| --- | --- | --- | --- | --- |",
            *costs,
            "",
            "| model | NDCG@10 where settings were chosen: defaults, best | settings |",
            "| --- | --- | --- |",
            *tuned,
            "",
        ]
    )


def _introduction(options: argparse.Namespace, listeners: int) -> str:
    return (
        f"{listeners:,} listeners, {options.seeds} splits, a fifth of everyone's tracks held out, "
        f"all tracks ranked. Every model: its defaults and {options.trials - 1} random draws of "
        "its settings, judged by NDCG@10 on a second cut of the first split; at most "
        f"{options.threads} threads; versions: {_versions()}. Brackets are 95 % intervals over "
        "listeners. RecTools' ALS and nearest neighbours are implicit's and stand there."
    )


def _text(value: Estimate, digits: int = 3) -> str:
    return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def _cost(one: Figures) -> str:
    recommend_ms = 1000 * one.mean("recommend_s") / one.mean("listeners")
    return (
        f"| {one.name} | {one.mean('fit_s'):.1f} | {one.mean('fit_core_s'):.1f} | "
        f"{recommend_ms:.1f} | {max(cost['peak_mb'] for cost in one.costs):,.0f} |"
    )


def _tuned(one: Figures) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in one.settings.items())
    return f"| {one.name} | {one.by_default:.4f}, {one.tuned:.4f} | {settings or 'defaults'} |"


def _versions() -> str:
    peers = (Path(__file__).parent / "requirements.txt").read_text().splitlines()
    asked = [line.replace("==", " ") for line in peers if "==" in line]
    return ", ".join([*(f"{name} {version(name)} (ours)" for name in OWN), *asked])
