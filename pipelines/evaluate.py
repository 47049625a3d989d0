"""Comparing the feed with its parts and with plain baselines, on what listeners did next."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.randomness import generator
from core.workspace import Workspace
from pipelines.evaluation.audience import audience_of
from pipelines.evaluation.baselines import BASELINES
from pipelines.evaluation.configuration import EvaluateConfig, Protocol
from pipelines.evaluation.contest import open_contest
from pipelines.evaluation.lists import Watch, all_lists
from pipelines.evaluation.material import read_material
from pipelines.evaluation.observer import Nobody, Observer
from pipelines.fitting import FactorsConfig
from pipelines.job import Progress, Report
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from ranking.assembly import FeedConfig
from ranking.evaluation.intervals import Estimate
from ranking.evaluation.tables import Judged, ModelResult, judge, paired_difference, summarise

FIRST_RANKS = ("ndcg@1", "ndcg@10")
"""What the feed is compared by with every other model."""


class EvaluationReport(Report):
    """Every model's figures, best feed last."""

    protocol: Protocol
    repeats: bool
    """Whether tracks that listeners had met before were to be found too."""
    seeds: int
    listeners: int
    """Judged in each seed, on average."""
    results: tuple[ModelResult, ...]
    against_best: Estimate
    """NDCG@10 of the two-stage feed less that of the best baseline, listener by listener."""
    best_baseline: str
    against: dict[str, dict[str, Estimate]]
    """Model → what the two-stage feed has more than it of NDCG@1 and NDCG@10, likewise."""
    source_ms: dict[str, float]
    """Source → median time of an offer of so many tracks as are judged, in milliseconds."""


def evaluate(
    workspace: Workspace,
    *,
    protocol: Protocol,
    config: EvaluateConfig,
    factors: FactorsConfig,
    training: RankerTrainingConfig,
    feed: FeedConfig,
    progress: Progress,
    observer: Observer | None = None,
) -> EvaluationReport:
    """Split, learn and judge, seed by seed.

    Everything is learned anew from the part of the history that may be known; nothing that is
    live is read but audio vectors, which know no listener. Every model ranks the whole catalogue
    and leaves out what the listener has met.

    Args:
        workspace: Whose listening and tracks.
        protocol: What is held out.
        config: How much of it, and how often.
        factors: How factors, neighbours and statistics are learned.
        training: How the ranker is learned.
        feed: The feed.
        progress: Told of each seed and of each part of the listeners.
        observer: Looks on while the first seed is judged.

    Raises:
        ConfigError: If the history has no times and the protocol needs them.
        DataError: If nobody is left to judge.
    """
    material = read_material(workspace, config, protocol)
    judged: dict[str, list[Judged]] = {}
    watch = Watch()
    for seed in progress.track(config.each_seed, "seeds judged", config.seeds):
        contest = open_contest(material, factors, training, feed, seed, progress)
        audience = audience_of(
            contest.split, contest.catalogue, contest.learned, material.opened.preferences
        )
        watcher = observer if observer is not None and seed == config.first_seed else Nobody()
        for name, lists in all_lists(contest, audience, watch, watcher, progress).items():
            judged.setdefault(name, []).append(judge(lists, audience.relevant, audience.bits))
    return _report(protocol, config, judged, watch)


def _report(
    protocol: Protocol, config: EvaluateConfig, judged: Mapping[str, list[Judged]], watch: Watch
) -> EvaluationReport:
    rng = generator(config.first_seed, "bootstrap")
    results = [summarise(name, splits, rng) for name, splits in judged.items()]
    ndcg = {result.model: result.metrics["ndcg@10"].mean for result in results}
    best = max((name for name in BASELINES if name in ndcg), key=lambda name: ndcg[name])
    two_stage = judged["two_stage"]
    return EvaluationReport(
        protocol=protocol,
        repeats=config.repeats,
        seeds=config.seeds,
        listeners=round(float(np.mean([len(split.users) for split in two_stage]))),
        results=tuple(results),
        best_baseline=best,
        against_best=paired_difference(two_stage, judged[best], "ndcg@10", rng),
        against={
            name: {
                metric: paired_difference(two_stage, other, metric, rng) for metric in FIRST_RANKS
            }
            for name, other in judged.items()
            if name != "two_stage"
        },
        source_ms=watch.medians(),
    )
