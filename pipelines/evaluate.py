"""Comparing the feed with its parts and with plain baselines, on what listeners did next."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.errors import ConfigError, DataError
from core.ids import Ids
from core.randomness import derive_seed, generator
from core.workspace import Workspace
from embeddings.collaborative.factors import AlsFactors
from pipelines.catalogue import LiveCatalogue, open_catalogue
from pipelines.fitting import FactorsConfig, fit_history, preferences
from pipelines.history import History, load_history
from pipelines.job import Progress, Report
from pipelines.listener_tags import retagged
from pipelines.off_policy.configuration import OffPolicyConfig
from pipelines.ranker_data import chunks, listener_log, query_of
from pipelines.reference_blend import ReferenceBlend, fit_reference
from pipelines.splits import Split, days_back, leave_out, relevant_rows, temporal
from pipelines.train_ranker import RankerTrainingConfig, learn_ranker
from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.evaluation.intervals import Estimate
from ranking.evaluation.tables import (
    DEPTH,
    Judged,
    ModelResult,
    judge,
    paired_difference,
    summarise,
)
from ranking.learned import Learned
from ranking.metrics.beyond_accuracy import surprisal
from ranking.model import FeedQuery, Floats, Rows
from ranking.rankers.fusion import FusionRanker

Protocol = Literal["temporal", "leave-out"]
BASELINES = ("popular", "als", "item_knn", "ease", "ease_als_sum")
FIRST_RANKS = ("ndcg@1", "ndcg@10")
"""What the feed is compared by with every other model."""


class EvaluateConfig(BaseModel):
    """What is held out, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    held_share: float = Field(default=0.2, gt=0, lt=1)
    """`leave-out`: share of each listener's tracks that is held out."""
    held_days: int = Field(default=5, ge=1, le=365)
    """`temporal`: length of the later part; days on which nobody listened are not counted."""
    seeds: int = Field(default=5, ge=1, le=100)
    """How many times everything is split, learned and judged."""
    first_seed: int = Field(default=1, ge=0)
    """Seeds are this one and those that follow; others served to choose settings."""
    off_policy: OffPolicyConfig = OffPolicyConfig()
    """How logged pages are replayed through another feed."""


class EvaluationReport(Report):
    """Every model's figures, best feed last."""

    protocol: Protocol
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


@dataclass(frozen=True, slots=True)
class Watch:
    """How long each source took, offer by offer.

    Args:
        times_ms: Source → its times.
    """

    times_ms: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Time the block."""
        started = time.perf_counter()
        yield
        self.times_ms.setdefault(name, []).append(1000 * (time.perf_counter() - started))

    def medians(self) -> dict[str, float]:
        """Return source → median time."""
        return {name: float(np.median(times)) for name, times in self.times_ms.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """Everything the models of one seed need."""

    split: Split
    catalogue: Catalogue
    learned: Learned
    plain: AlsFactors
    """From plays alone: a baseline knows nothing of sound."""
    reference: ReferenceBlend
    users: Ids
    engine: Engine
    fused: Engine


def evaluate(
    workspace: Workspace,
    *,
    protocol: Protocol,
    config: EvaluateConfig,
    factors: FactorsConfig,
    training: RankerTrainingConfig,
    feed: FeedConfig,
    progress: Progress,
) -> EvaluationReport:
    """Split, learn and judge, seed by seed.

    Everything is learned anew from the part of the history that may be known; nothing that is
    live is read but audio vectors, which know no listener. Every model ranks the whole catalogue
    and leaves out what the listener has met.

    Raises:
        ConfigError: If the history has no times and the protocol needs them.
        DataError: If nobody is left to judge.
    """
    history = load_history(workspace.warehouse)
    opened = open_catalogue(workspace)
    if protocol == "temporal" and not history.has_times:
        raise ConfigError(
            "the imported listening has no times, so it cannot be split by time; "
            "use `segue evaluate --protocol leave-out`"
        )
    judged: dict[str, list[Judged]] = {}
    watch = Watch()
    seeds = range(config.first_seed, config.first_seed + config.seeds)
    for seed in progress.track(seeds, "seeds judged", config.seeds):
        split = _split(history, protocol, config, seed)
        contest = _contest(history, split, opened, factors, training, feed, seed, progress)
        for name, result in _judged(contest, opened, watch, progress):
            judged.setdefault(name, []).append(result)
    return _report(protocol, config, judged, watch)


def _split(history: History, protocol: Protocol, config: EvaluateConfig, seed: int) -> Split:
    if protocol == "temporal":
        end_ms = history.last_ms + 1
        return temporal(history, days_back(history, config.held_days, end_ms), end_ms)
    return leave_out(history, config.held_share, seed, now_ms=history.last_ms + 1)


def _contest(
    history: History,
    split: Split,
    opened: LiveCatalogue,
    factors: FactorsConfig,
    training: RankerTrainingConfig,
    feed: FeedConfig,
    seed: int,
    progress: Progress,
) -> Contest:
    catalogue = retagged(opened.catalogue, history.user_tags, split.history.user_tags)
    fit_seed = derive_seed(seed, "serving")
    ranker, _ = learn_ranker(
        split.history,
        catalogue,
        opened.audio,
        factors=factors,
        training=training,
        feed=feed,
        seed=derive_seed(seed, "ranker"),
        preferences=opened.preferences,
        progress=progress,
    )
    fit = fit_history(
        split.history, catalogue, opened.audio, factors, fit_seed, now_ms=split.now_ms
    )
    return Contest(
        split=split,
        catalogue=catalogue,
        learned=fit.learned,
        plain=fit.collaborative.plain,
        reference=fit_reference(
            preferences(split.history.tallies(), catalogue), catalogue.tracks.values, fit_seed
        ),
        users=Ids(fit.learned.factors.user_ids),
        engine=assemble(catalogue, fit.learned, ranker, feed),
        fused=assemble(catalogue, fit.learned, FusionRanker(), feed),
    )


def _judged(
    contest: Contest, opened: LiveCatalogue, watch: Watch, progress: Progress
) -> Iterator[tuple[str, Judged]]:
    """Yield what each model did for the listeners of one seed."""
    catalogue, split = contest.catalogue, contest.split
    rows = catalogue.tracks.rows(split.held["track_id"].to_list())
    relevant = {user: found for user, (found, _) in relevant_rows(split.held, rows).items()}
    relevant = {user: _shown(found, catalogue) for user, found in relevant.items()}
    relevant = {user: found for user, found in relevant.items() if found.size}
    if not relevant:
        raise DataError("no listener chose anything in the held-out part; import more listening")
    log = listener_log(split, catalogue)
    queries = {u: query_of(log, u, split.now_ms, opened.preferences) for u in relevant}
    bits = surprisal(contest.learned.statistics.listeners, max(len(log.user_ids), 1))
    ranked: dict[str, dict[str, Rows]] = {}
    parts = list(chunks(list(queries.values())))
    for part in progress.track(parts, "listeners judged", len(parts)):
        for user, name, found in _lists(contest, part, watch):
            ranked.setdefault(name, {})[user] = found
    for name, lists in ranked.items():
        yield name, judge(lists, relevant, bits)


def _lists(
    contest: Contest, queries: Sequence[FeedQuery], watch: Watch
) -> Iterator[tuple[str, str, Rows]]:
    """Yield (listener, model, rows best first)."""
    engine = contest.engine
    for query in queries:
        user = query.listener.user_id
        for name, scores in _baseline_scores(contest, query).items():
            yield user, name, _best(scores, query, contest.catalogue)
        for offering in contest.fused.offerings:
            with watch.measure(offering.source.name):
                offered = offering.source.fetch(query, DEPTH + query.listener.rows.size)
            fresh = ~np.isin(offered.rows, query.listener.rows)
            yield user, f"source:{offering.source.name}", offered.rows[fresh]
    shortlists = [engine.shortlist(query) for query in queries]
    features = engine.features.build(queries, shortlists)
    ends = np.cumsum([len(shortlist) for shortlist in shortlists])[:-1]
    for name, ranker in (("union", contest.fused.ranker), ("two_stage", engine.ranker)):
        scores_by_page = np.split(ranker.score(features), ends)
        for query, shortlist, scores in zip(queries, shortlists, scores_by_page, strict=True):
            yield query.listener.user_id, name, shortlist.ranked(scores).rows


def _baseline_scores(contest: Contest, query: FeedQuery) -> Mapping[str, Floats]:
    """Return baseline → (n_tracks,) scores of the whole catalogue, by the plainest means."""
    learned = contest.learned
    factors, n = contest.plain, learned.statistics.plays.size
    rows, plays = query.listener.rows, query.listener.plays
    als = np.zeros(n, dtype=np.float32)
    if query.listener.user_id in contest.users:
        als = factors.tracks @ factors.users[contest.users.row(query.listener.user_id)]
    knn = np.zeros(n, dtype=np.float32)
    found, scores = learned.neighbours.scores(rows, np.log1p(plays))
    knn[found] = scores
    return {
        "popular": learned.statistics.listeners,
        "item_knn": knn,
        "als": als,
        "ease": contest.reference.ease(query.listener.user_id),
        "ease_als_sum": contest.reference.total(query.listener.user_id),
    }


def _best(scores: Floats, query: FeedQuery, catalogue: Catalogue) -> Rows:
    """Return the best rows of the whole catalogue that may be shown and were not met."""
    allowed = catalogue.servable.copy()
    allowed[query.listener.rows] = False
    masked = np.where(allowed, scores, -np.inf)
    count = min(DEPTH, int(allowed.sum()))
    top = np.argpartition(-masked, count - 1)[:count] if count else np.empty(0, dtype=np.int64)
    return top[np.lexsort((top, -masked[top]))]


def _shown(rows: Rows, catalogue: Catalogue) -> Rows:
    """Return the rows that any model may show."""
    return rows[catalogue.servable[rows]]


def _report(
    protocol: Protocol, config: EvaluateConfig, judged: Mapping[str, list[Judged]], watch: Watch
) -> EvaluationReport:
    rng = generator(config.first_seed, "bootstrap")
    results = [summarise(name, splits, rng) for name, splits in judged.items()]
    ndcg = {result.model: result.metrics["ndcg@10"].mean for result in results}
    best = max(BASELINES, key=lambda name: ndcg[name])
    two_stage = judged["two_stage"]
    return EvaluationReport(
        protocol=protocol,
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
