"""What every model of a contest puts before every listener."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from pipelines.evaluation.audience import Audience, offer
from pipelines.evaluation.baselines import best_rows
from pipelines.evaluation.contest import Contest
from pipelines.evaluation.observer import Observer
from pipelines.job import Progress
from pipelines.ranker_training.ranker_data import ANYTHING, chunks
from ranking.evaluation.tables import DEPTH
from ranking.model import FeedQuery, Rows
from ranking.protocols import Ranker


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


def all_lists(
    contest: Contest, audience: Audience, watch: Watch, observer: Observer, progress: Progress
) -> dict[str, dict[str, Rows]]:
    """Return model → listener → rows, best first."""
    lists: dict[str, dict[str, Rows]] = {}
    beside = observer.opens(contest, audience)
    parts = list(chunks(audience.queries))
    for part in progress.track(parts, "listeners judged", len(parts)):
        for user, name, found in _first_stage(contest, part, watch):
            lists.setdefault(name, {})[user] = found
        for user, name, found in _second_stage(contest, part, beside, observer):
            lists.setdefault(name, {})[user] = found
    observer.closes(lists)
    return lists


def _first_stage(
    contest: Contest, queries: Sequence[FeedQuery], watch: Watch
) -> Iterator[tuple[str, str, Rows]]:
    """Yield (listener, model, rows best first) of baselines and of each source by itself."""
    for query in queries:
        user = query.listener.user_id
        for name, scores in contest.baselines.scores(query).items():
            yield user, name, best_rows(scores, query, contest.catalogue)
        for offering in contest.fused.offerings:
            with watch.measure(offering.source.name):
                offered = offering.source.fetch(query, DEPTH + query.listener.rows.size)
            rows = offered.rows
            if query.surface != ANYTHING:
                rows = rows[~np.isin(rows, query.listener.rows)]
            yield user, f"source:{offering.source.name}", rows


def _second_stage(
    contest: Contest,
    queries: Sequence[FeedQuery],
    beside: Mapping[str, Ranker],
    observer: Observer,
) -> Iterator[tuple[str, str, Rows]]:
    """Yield likewise what becomes of all candidates together."""
    judges = {"union": contest.fused.ranker, "two_stage": contest.engine.ranker}
    offered = offer(contest.engine, {**judges, **beside}, queries)
    observer.sees(offered)
    for name in judges:
        for at, query in enumerate(queries):
            yield query.listener.user_id, name, offered.ranked(name, at).rows
