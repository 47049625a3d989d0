"""Heads judged on the latest days of the log, beside plain models tuned with as many trials."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.randomness import derive_seed, generator
from core.workspace import Workspace
from pipelines.catalogue import open_catalogue
from pipelines.fitting import FactorsConfig
from pipelines.heads_evaluation.baselines import logistic, plain_trees, raw_table
from pipelines.heads_evaluation.configuration import TRIALS, HeadsEvaluationConfig, Trial
from pipelines.heads_evaluation.judging import HeadResult, judged
from pipelines.heads_evaluation.material import Material, read_material
from pipelines.history import load_history
from pipelines.job import Progress, Report
from ranking.metrics.probabilities import log_losses
from ranking.model import FeatureMatrix, Mask
from ranking.rankers.head_training import HeadsConfig, OutcomeData, train_heads
from ranking.rankers.outcomes import HeadConfig
from ranking.rankers.training import RankerConfig

OURS, LOGISTIC, TREES = "heads", "logistic", "plain_trees"
Values = NDArray[np.float64]


class HeadsEvaluationReport(Report):
    """Every model's figures by outcome and slice."""

    slots_learned: int
    slots_judged: int
    listeners: int
    """Judged."""
    results: tuple[HeadResult, ...]


def evaluate_heads(
    workspace: Workspace,
    config: HeadsEvaluationConfig,
    factors: FactorsConfig,
    heads: HeadsConfig,
    seed: int,
    progress: Progress,
) -> HeadsEvaluationReport:
    """Learn from the earlier days, choose settings on the last of them, judge the rest.

    Raises:
        DataError: If the log has too few days, or nothing to judge.
    """
    history, opened = load_history(workspace.warehouse), open_catalogue(workspace)
    material = read_material(history, opened, factors, config, seed, progress)
    cut = int(material.days.max()) + 1 - config.held_days
    later = material.days >= cut
    table = raw_table(material)
    results: list[HeadResult] = []
    for head in progress.track(config.heads, "heads judged", len(config.heads)):
        happened = material.data.outcomes[head.name] > 0
        models = {
            OURS: our_head(material, head, heads, cut, derive_seed(seed, head.name), config),
            LOGISTIC: logistic(material, happened, cut),
            TREES: plain_trees(table, happened, material.days, cut, seed, config.threads),
        }
        fresh = material.shown_before < config.fresh_slots
        for name, rows in (("all", later), ("fresh", later & fresh), ("old", later & ~fresh)):
            results += judged(
                head.name,
                name,
                {model: p[rows] for model, p in models.items()},
                happened[rows],
                material.listeners[rows],
                material.days[rows],
                config.resamples,
                generator(seed, f"bootstrap {head.name} {name}"),
            )
    return HeadsEvaluationReport(
        slots_learned=int((~later).sum()),
        slots_judged=int(later.sum()),
        listeners=int(np.unique(material.listeners[later]).size),
        results=tuple(results),
    )


def our_head(
    material: Material,
    head: HeadConfig,
    heads: HeadsConfig,
    cut: int,
    seed: int,
    config: HeadsEvaluationConfig,
) -> Values:
    """Return (n,) probabilities of one head, its settings chosen on the day before the cut."""
    data, days = material.data, material.days
    only = heads.model_copy(update={"heads": (head,)})
    checked = days == cut - 1
    happened = data.outcomes[head.name] > 0
    losses = []
    for trial in TRIALS:
        p = _fitted(data, days < cut - 1, checked, only, trial, seed, config.threads)
        losses.append(log_losses(p, happened[checked]).mean())
    best = TRIALS[int(np.argmin(losses))]
    everything = np.ones(days.size, dtype=np.bool_)
    return _fitted(data, days < cut, everything, only, best, seed, config.threads)


def _fitted(
    data: OutcomeData,
    learned: Mask,
    asked: Mask,
    heads: HeadsConfig,
    trial: Trial,
    seed: int,
    threads: int,
) -> Values:
    trees = RankerConfig(
        trees=1_000, stop_after=40, validation_share=0.25, threads=threads, **trial._asdict()
    )
    ranker, _ = train_heads(selected(data, learned), heads, trees, seed)
    found = ranker.predict(FeatureMatrix(data.names, data.values[asked]))
    return found.values[:, 0].astype(np.float64)


def selected(data: OutcomeData, rows: Mask) -> OutcomeData:
    """Return some of the examples."""
    return replace(
        data,
        values=data.values[rows],
        outcomes={name: one[rows] for name, one in data.outcomes.items()},
        at_ms=data.at_ms[rows],
        positions=data.positions[rows],
        weights=data.weights[rows],
    )
